#include "workflow/machine/record.hpp"

#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::workflow {
namespace {

// The stored form. A change here breaks every run that is recorded: it needs a new kind or version, not a new text.
constexpr const char* kGolden =
    R"({"format":1,"at":1000,"records":[)"
    R"([1,{"run_id":"01J","workflow":"w","definition":"abc","semantics":1,"input":{"x":1},"first_task":"a"}],)"
    R"([2,{"n":1,"path":"a#1","id":"a","type":"basic","input":{"y":2}}],)"
    R"([3,{"op":1,"path":"a#1","role":"main","spec":{"kind":"tool"}}],)"
    R"([3,{"op":2,"kind":"timer","path":"a#1","role":"timeout","due_ms":5000}],)"
    R"([4,{"op":1,"status":"FAILED","error":{"message":"m","code":"c"},"usage":{"total_tokens":3}}],)"
    R"([5,{"path":"c#1","total":2,"skipped":1,"items":[1,2]}],)"
    R"([6,{"path":"r#1","condition":"true","route":"b"}],)"
    R"([7,{"path":"a#1","status":"SUCCESS","output":{"z":3},"next":"b","next_with":{"w":4}}],)"
    R"([8,{"inbox":1,"name":"go","payload":{},"received_ms":7}],)"
    R"([9,{"inbox":1,"path":"hold#1"}],)"
    R"([10,{"path":"ok#1","by":"ann","approve":true,"values":{"why":"due"},"comment":"fine"}],)"
    R"([11,{}],[12,{}],[13,{"reason":"enough"}],)"
    R"([14,{"state":{"status":"RUNNING"}}],)"
    R"([15,{"status":"CANCELED","error":{"message":"enough","code":"canceled"}}],)"
    R"([16,{}],[17,{"path":"ok#1","message":"Pay?"}],)"
    R"([3,{"op":3,"kind":"child","path":"sub#1","role":"main","spec":{"workflow":"w2"}}]]})";

TEST(Record, ReadsAndWritesTheStoredForm) {
  const Records records = records_from_json(json::parse(kGolden).value()).value();
  EXPECT_EQ(records.items.size(), 19U);
  EXPECT_EQ(json::print(to_json(records)), kGolden);
}

TEST(Record, AnUnknownKindNeedsANewerBinary) {
  const auto result = records_from_json(json::parse(R"({"format":1,"at":1,"records":[[99,{}]]})").value());
  EXPECT_EQ(result.error().code, Errc::newer_format);
}

TEST(Record, AnUnknownStatusIsAnsweredWithTheKnownOnes) {
  EXPECT_EQ(parse_status("PAUSED").value(), Status::paused);
  const auto result = parse_status("FAILD");
  EXPECT_EQ(result.error().code, Errc::invalid_argument);
  EXPECT_THAT(result.error().message, ::testing::HasSubstr("SUCCESS, FAILED"));
  EXPECT_THAT(result.error().message, ::testing::HasSubstr("did you mean 'FAILED'?"));
}

TEST(Record, AFieldOfAnotherTypeIsCorruptData) {
  const auto result = records_from_json(json::parse(R"({"format":1,"at":1,"records":[[3,{"op":"x"}]]})").value());
  EXPECT_EQ(result.error().code, Errc::corrupt_data);
}

}  // namespace
}  // namespace compozy::workflow
