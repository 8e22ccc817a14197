// SPDX-License-Identifier: Apache-2.0
//
// The handlers of all commands, one per row, and the tables they stand in. See row.hpp and context.hpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "redis/commands/data_handlers.hpp"

namespace compozy::redis {

struct Context;
struct Row;
struct ServerState;

// What clients are told: the Redis whose commands and replies these are.
inline constexpr std::string_view kRedisVersion = "7.0.15";
inline constexpr int kRedisVersionNumber = 0x07000F;

std::span<const Row> transactions_rows();
std::span<const Row> pubsub_rows();
std::span<const Row> connection_rows();
std::span<const Row> server_rows();
std::span<const Row> scripting_rows();
std::span<const Row> functions_rows();
std::span<const Row> acl_rows();
std::span<const Row> cluster_rows();
std::span<const Row> observation_rows();

void run_discard(Context& ctx);
void run_exec(Context& ctx);
void run_multi(Context& ctx);
void run_unwatch(Context& ctx);
void run_watch(Context& ctx);
void run_psubscribe(Context& ctx);
void run_publish(Context& ctx);
void run_pubsub_channels(Context& ctx);
void run_pubsub_numpat(Context& ctx);
void run_pubsub_numsub(Context& ctx);
void run_pubsub_shardchannels(Context& ctx);
void run_pubsub_shardnumsub(Context& ctx);
void run_punsubscribe(Context& ctx);
void run_spublish(Context& ctx);
void run_ssubscribe(Context& ctx);
void run_subscribe(Context& ctx);
void run_sunsubscribe(Context& ctx);
void run_unsubscribe(Context& ctx);
void run_auth(Context& ctx);
void run_client_getname(Context& ctx);
void run_client_id(Context& ctx);
void run_client_info(Context& ctx);
void run_client_kill(Context& ctx);
void run_client_list(Context& ctx);
void run_client_no_evict(Context& ctx);
void run_client_reply(Context& ctx);
void run_client_setname(Context& ctx);
void run_client_unblock(Context& ctx);
void run_echo(Context& ctx);
void run_hello(Context& ctx);
void run_ping(Context& ctx);
void run_quit(Context& ctx);
void run_reset(Context& ctx);
void run_select(Context& ctx);
void run_bgrewriteaof(Context& ctx);
void run_command_info(Context& ctx);
void run_command_count(Context& ctx);
void run_command_docs(Context& ctx);
void run_command_getkeys(Context& ctx);
void run_command_list(Context& ctx);
void run_config_get(Context& ctx);
void run_config_resetstat(Context& ctx);
void run_config_set(Context& ctx);
void run_dbsize(Context& ctx);
void run_flushall(Context& ctx);
void run_flushdb(Context& ctx);
void run_info(Context& ctx);
void run_lastsave(Context& ctx);
void run_memory_usage(Context& ctx);
void run_role(Context& ctx);
void run_swapdb(Context& ctx);
void run_time(Context& ctx);
void run_debug(Context& ctx);
void run_debug_object(Context& ctx);
void run_eval(Context& ctx);
void run_evalsha(Context& ctx);
void run_evalsha_ro(Context& ctx);
void run_eval_ro(Context& ctx);
void run_script_exists(Context& ctx);
void run_script_flush(Context& ctx);
void run_script_kill(Context& ctx);
void run_script_load(Context& ctx);
void run_script_debug(Context& ctx);
void run_script_help(Context& ctx);
void run_fcall(Context& ctx);
void run_fcall_ro(Context& ctx);
void run_function_delete(Context& ctx);
void run_function_dump(Context& ctx);
void run_function_flush(Context& ctx);
void run_function_help(Context& ctx);
void run_function_kill(Context& ctx);
void run_function_list(Context& ctx);
void run_function_load(Context& ctx);
void run_function_restore(Context& ctx);
void run_function_stats(Context& ctx);
void run_acl_cat(Context& ctx);
void run_acl_deluser(Context& ctx);
void run_acl_dryrun(Context& ctx);
void run_acl_genpass(Context& ctx);
void run_acl_getuser(Context& ctx);
void run_acl_list(Context& ctx);
void run_acl_load(Context& ctx);
void run_acl_log(Context& ctx);
void run_acl_save(Context& ctx);
void run_acl_setuser(Context& ctx);
void run_acl_users(Context& ctx);
void run_acl_whoami(Context& ctx);
void run_client_caching(Context& ctx);
void run_client_getredir(Context& ctx);
void run_client_pause(Context& ctx);
void run_client_tracking(Context& ctx);
void run_client_trackinginfo(Context& ctx);
void run_client_unpause(Context& ctx);
void run_cluster(Context& ctx);
void run_command_getkeysandflags(Context& ctx);
void run_config_rewrite(Context& ctx);
void run_failover(Context& ctx);
void run_help(Context& ctx);
void run_latency_doctor(Context& ctx);
void run_latency_graph(Context& ctx);
void run_latency_histogram(Context& ctx);
void run_latency_history(Context& ctx);
void run_latency_latest(Context& ctx);
void run_latency_reset(Context& ctx);
void run_lolwut(Context& ctx);
void run_migrate(Context& ctx);
void run_memory_doctor(Context& ctx);
void run_memory_malloc_stats(Context& ctx);
void run_memory_purge(Context& ctx);
void run_memory_stats(Context& ctx);
void run_module_list(Context& ctx);
void run_module_load(Context& ctx);
void run_monitor(Context& ctx);
void run_replicaof(Context& ctx);
void run_shutdown(Context& ctx);
void run_slowlog_get(Context& ctx);
void run_slowlog_len(Context& ctx);
void run_slowlog_reset(Context& ctx);
void run_psync(Context& ctx);
void run_replconf(Context& ctx);
void run_sync(Context& ctx);

// Writes the settings into the configuration file; `all` also those that have their initial value. Empty, or the error.
std::string rewrite_config(ServerState& server, bool all);
// Reads the users from the ACL file anew. Empty, or the error.
std::string load_acl_file(ServerState& server);

}  // namespace compozy::redis
