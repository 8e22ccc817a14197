#include "cli/cli.hpp"

#include <filesystem>
#include <fstream>

#include "cli/command.hpp"
#include "cli/output.hpp"
#include "json/parse.hpp"

namespace compozy::cli {
namespace {

using ::testing::HasSubstr;

class CliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("compozy-cli-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  struct Answer {
    int code = 0;
    std::string out, err;
  };
  Answer call(std::vector<std::string> words) {
    std::vector<const char*> argv{"compozy"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    const Ports ports{.serve = [](Settings) -> Result<void> { return fail(Errc::address_in_use, "busy"); },
                      .getenv = [](const std::string&) -> const char* { return nullptr; },
                      .version = "1.2.3"};
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Answer answer{.code = run(static_cast<int>(argv.size()), argv.data(), ports), .out = {}, .err = {}};
    answer.out = ::testing::internal::GetCapturedStdout();
    answer.err = ::testing::internal::GetCapturedStderr();
    return answer;
  }

  std::filesystem::path folder_;
};

TEST_F(CliTest, InitWritesAProjectThatIsValid) {
  EXPECT_EQ(call({"init", folder_.string()}).code, 0);
  const Answer valid = call({"config", "validate", "--cwd", folder_.string()});
  EXPECT_EQ(valid.code, 0) << valid.err;
  EXPECT_THAT(valid.out, HasSubstr("1 workflow, 2 files"));
}

TEST_F(CliTest, InitNamesTheProjectAfterItsFolderInTheNearestValidForm) {
  const std::string odd = folder_.string() + "/7 my proj.v2";
  EXPECT_EQ(call({"init", odd}).code, 0);
  const Answer valid = call({"config", "validate", "--cwd", odd});
  EXPECT_EQ(valid.code, 0) << valid.err;
  EXPECT_THAT(valid.out, HasSubstr("'my-proj-v2'"));
  const Answer refused = call({"init", folder_.string() + "/x", "--name", "my proj"});
  EXPECT_EQ(refused.code, static_cast<int>(ExitCode::usage));
  EXPECT_THAT(refused.err, HasSubstr("for example 'my-proj'"));
}

TEST_F(CliTest, InitNeverOverwrites) {
  EXPECT_EQ(call({"init", folder_.string()}).code, 0);
  EXPECT_EQ(call({"init", folder_.string()}).code, static_cast<int>(ExitCode::conflict));
}

TEST_F(CliTest, AMistypedCommandOrOptionIsAUsageErrorWithTheNearestName) {
  const Answer command = call({"worklfow", "list"});
  EXPECT_EQ(command.code, static_cast<int>(ExitCode::usage));
  EXPECT_THAT(command.err, HasSubstr("unknown command 'worklfow'; did you mean 'workflow'?"));
  EXPECT_THAT(call({"workflow", "excute", "x"}).err, HasSubstr("did you mean 'execute'?"));
  EXPECT_THAT(call({"version", "--jsn"}).err, HasSubstr("did you mean '--json'?"));
}

TEST_F(CliTest, WhatANewUserTypesFirstIsUnderstood) {
  const Answer alone = call({});
  EXPECT_EQ(alone.code, static_cast<int>(ExitCode::usage));
  EXPECT_THAT(alone.err, HasSubstr("First steps:"));
  EXPECT_THAT(call({"workflow"}).err, HasSubstr("execute"));
  EXPECT_EQ(call({"--version"}).out, "compozy 1.2.3\n");
  EXPECT_EQ(call({"help", "workflow", "get"}).out, call({"workflow", "get", "--help"}).out);
  EXPECT_EQ(call({"help"}).code, 0);
}

TEST_F(CliTest, AMissingArgumentIsNamedBeforeAnythingIsAsked) {
  const Answer missing = call({"workflow", "get"});
  EXPECT_EQ(missing.code, static_cast<int>(ExitCode::usage));
  EXPECT_THAT(missing.err, HasSubstr("WORKFLOW"));
  EXPECT_THAT(missing.err, HasSubstr("`compozy workflow get --help` says how."));
  EXPECT_THAT(call({"execution", "approve", "EXEC"}).err, HasSubstr("TASK"));
  EXPECT_EQ(call({"workflow", "get", "a", "b"}).code, static_cast<int>(ExitCode::usage));
}

TEST_F(CliTest, HelpNamesArgumentsAndChoices) {
  EXPECT_THAT(call({"execution", "approve", "--help"}).out, HasSubstr("EXEC TASK"));
  EXPECT_THAT(call({"start", "--help"}).out, HasSubstr("standalone|distributed"));
}

TEST_F(CliTest, TheProjectsFolderNamesServerAndKeyButNeverTakesAKeyFromElsewhere) {
  std::filesystem::create_directories(folder_ / ".compozy");
  std::ofstream(folder_ / ".compozy/address") << "http://127.0.0.1:2\n";
  const std::string cwd = folder_.string();
  EXPECT_THAT(call({"workflow", "list", "--cwd", cwd}).err, HasSubstr("127.0.0.1:2"));
  EXPECT_THAT(call({"workflow", "list", "--data-dir", cwd + "/.compozy"}).err, HasSubstr("127.0.0.1:2"));
  EXPECT_THAT(call({"workflow", "list", "--cwd", cwd, "--server", "http://127.0.0.1:3"}).err, HasSubstr("127.0.0.1:3"));
  EXPECT_THAT(call({"workflow", "list", "--cwd", cwd, "--api-key", "cpzy_mine"}).err,
              ::testing::Not(HasSubstr("127.0.0.1:2")));
}

TEST_F(CliTest, WatchingWithoutAServerEndsAtOnce) {
  const Answer answer = call({"execution", "watch", "x", "--server", "http://127.0.0.1:1"});
  EXPECT_EQ(answer.code, static_cast<int>(ExitCode::unavailable));
  EXPECT_THAT(answer.err, HasSubstr("compozy start --standalone"));
}

TEST_F(CliTest, EverySettingIsShownWithItsType) {
  EXPECT_EQ(call({"init", folder_.string()}).code, 0);
  const auto all = json::parse(call({"config", "show", "--json", "--cwd", folder_.string()}).out).value();
  EXPECT_EQ(all.size(), config::keys().size());
  EXPECT_EQ(all["server.port"]["value"].as_integer(), 5001);
  EXPECT_TRUE(all["server.auth.enabled"]["value"].as_bool());
  EXPECT_TRUE(all["redis.url"]["value"].is_null());
  EXPECT_EQ(all["mode"]["value"].as_string(), "standalone") << "a new project starts without a flag";
}

TEST(Output, CodesThatSteerATerminalAreShownNotObeyed) {
  EXPECT_EQ(printable("a\x1b[31mb\tc\n"), "a\xEF\xBF\xBD[31mb\tc\n");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\xEF\xBF\xBD"
            "31m");
  EXPECT_EQ(printable("\xC3\xA9\x7f"), "\xC3\xA9\xEF\xBF\xBD");
  EXPECT_EQ(printable("evil\u202Egpj.exe"), "evil\uFFFDgpj.exe") << "nor what turns the text around";
  EXPECT_EQ(printable("a\xff\xC3"), "a\xEF\xBF\xBD\xEF\xBF\xBD") << "nor bytes that are no text";
}

TEST_F(CliTest, AnUnknownWordIsRepeatedWithoutItsCodes) {
  const auto done = call({"\x1b]0;title\x07"});
  EXPECT_EQ(done.code, 2);
  EXPECT_EQ(done.err.find('\x1b'), std::string::npos);
  EXPECT_THAT(done.err, HasSubstr("]0;title"));
}

TEST(Output, ColumnsLineUpAlsoBeyondAscii) {
  ::testing::internal::CaptureStdout();
  print_table({{"ID", "STATE"}, {"caf\xC3\xA9\n", ""}, {"x", "on"}});
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "ID     STATE\ncaf\xC3\xA9\nx      on\n");
}

TEST_F(CliTest, WithoutAProjectItSaysWhatToType) {
  std::filesystem::create_directories(folder_);
  const Answer answer = call({"start", "--standalone", "--cwd", folder_.string()});
  EXPECT_EQ(answer.code, static_cast<int>(ExitCode::not_found));
  EXPECT_THAT(answer.err, HasSubstr("`compozy init` writes a project"));
}

TEST_F(CliTest, WithoutAServerItSaysHowToStartOne) {
  const Answer answer = call({"workflow", "list", "--server", "http://127.0.0.1:1"});
  EXPECT_EQ(answer.code, static_cast<int>(ExitCode::unavailable));
  EXPECT_THAT(answer.err, HasSubstr("compozy start --standalone"));
}

TEST_F(CliTest, AnOptionThatRepeatsMayBeGivenAgainAndAnotherMayNot) {
  const std::vector<std::string> list{"execution", "list", "--server", "http://127.0.0.1:1", "--where", "a=1"};
  const auto with = [&](const char* option, const char* value) {
    std::vector<std::string> words = list;
    words.insert(words.end(), {option, value, option, value});
    return call(words);
  };
  EXPECT_EQ(with("--where", "b=2").code, static_cast<int>(ExitCode::unavailable));
  EXPECT_EQ(with("--status", "FAILED").code, static_cast<int>(ExitCode::usage));
  EXPECT_EQ(with("--where", "b").code, static_cast<int>(ExitCode::usage));
}

TEST_F(CliTest, FlagsReachTheConfiguration) {
  EXPECT_EQ(call({"init", folder_.string()}).code, 0);
  const Answer answer = call({"config", "explain", "server.port", "--port", "8080", "--cwd", folder_.string()});
  EXPECT_THAT(answer.out, HasSubstr("8080   from --port"));
  EXPECT_THAT(call({"config", "explain", "mode", "--standalone", "--cwd", folder_.string()}).out,
              HasSubstr("standalone   from --mode"));
}

TEST_F(CliTest, AnUnknownSettingNamesItsPlace) {
  EXPECT_EQ(call({"init", folder_.string()}).code, 0);
  std::ofstream(folder_ / "compozy.yaml", std::ios::app) << "server:\n  prot: 1\n";
  const Answer answer = call({"config", "validate", "--cwd", folder_.string()});
  EXPECT_EQ(answer.code, static_cast<int>(ExitCode::invalid));
  EXPECT_THAT(answer.err, HasSubstr("compozy.yaml:"));
  EXPECT_THAT(answer.err, HasSubstr("did you mean 'server.port'?"));
}

TEST_F(CliTest, AServerThatCannotStartGivesItsExitCode) {
  EXPECT_EQ(call({"init", folder_.string()}).code, 0);
  EXPECT_EQ(call({"start", "--standalone", "--cwd", folder_.string()}).code, static_cast<int>(ExitCode::conflict));
}

TEST_F(CliTest, EveryCommandTeaches) {
  for (const Command& command : commands()) {
    EXPECT_FALSE(command.examples.empty()) << command.path;
    EXPECT_TRUE(command.summary.ends_with('.')) << command.path;
    EXPECT_THAT(reference(), HasSubstr("## compozy " + std::string(command.path)));
  }
  EXPECT_EQ(call({"version"}).out, "compozy 1.2.3\n");
}

}  // namespace
}  // namespace compozy::cli
