/* The table of metrics. For: their names, types, units and words, on which dashboards and alerts
 * rely. Not for: their values (metrics.c). */
#include "ops/metrics.h"

#include <stddef.h>

#define LINES(array) .lines = (array), .line_count = sizeof(array) / sizeof((array)[0])
#define DAEMON(member) offsetof(struct metrics_daemon, member)
#define CONNECTION(member) offsetof(struct metrics_connection, member)
#define BRIDGE(member) offsetof(struct metrics_bridge, member)
#define COUNTER(member) BRIDGE(counters.member)

const uint64_t metric_bounds_us[METRIC_BOUNDS] = {100,    250,    500,     1000,    2500,
                                                  5000,   10000,  25000,   50000,   100000,
                                                  250000, 500000, 1000000, 5000000, 30000000};
const char *const metric_bounds_text[METRIC_BOUNDS] = {
    "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
    "0.05",   "0.1",     "0.25",   "0.5",   "1",      "5",     "30"};

static const struct metric_line one_lines[] = {{"", 0}};
static const struct metric_line start_lines[] = {{"", DAEMON(start_us)}};
static const struct metric_line lag_lines[] = {{"", DAEMON(lag_us)}};
static const struct metric_line lag_max_lines[] = {{"", DAEMON(lag_max_us)}};
static const struct metric_line memory_lines[] = {{"", DAEMON(memory_held)}};
static const struct metric_line memory_limit_lines[] = {{"", DAEMON(memory_limit)}};
static const struct metric_line up_lines[] = {{"", CONNECTION(up)}};
static const struct metric_line blocked_lines[] = {{"", CONNECTION(blocked)}};
static const struct metric_line subscriber_lag_lines[] = {{"", CONNECTION(subscriber_lag)}};
static const struct metric_line reconnect_lines[] = {{"", CONNECTION(reconnects)}};
static const struct metric_line connection_bytes_lines[] = {
    {"direction=\"in\"", CONNECTION(bytes_in)}, {"direction=\"out\"", CONNECTION(bytes_out)}};
static const struct metric_line canary_lines[] = {{"", CONNECTION(canary.last_us)}};
static const struct metric_line renewal_lines[] = {{"", CONNECTION(canary.renewals)}};
static const struct metric_line running_lines[] = {{"", BRIDGE(running)}};
static const struct metric_line paused_lines[] = {{"", BRIDGE(paused)}};
static const struct metric_line message_lines[] = {
    {"outcome=\"received\"", COUNTER(received)},
    {"outcome=\"delivered\"", COUNTER(delivered)},
    {"outcome=\"filtered\"", COUNTER(filtered)},
    {"outcome=\"dropped\"", COUNTER(dropped)},
    {"outcome=\"dead_lettered\"", COUNTER(dead_lettered)},
    {"outcome=\"returned\"", COUNTER(returned)},
};
static const struct metric_line pending_lines[] = {{"", BRIDGE(pending)}};
static const struct metric_line held_lines[] = {
    {"where=\"buffer\"", COUNTER(buffered)},
    {"where=\"spool\"", COUNTER(spooled)},
    {"where=\"sink\"", COUNTER(in_flight)},
};
static const struct metric_line spool_bytes_lines[] = {{"", BRIDGE(spool_bytes)}};
static const struct metric_line spool_age_lines[] = {{"", BRIDGE(spool_age_us)}};
static const struct metric_line retried_lines[] = {{"", COUNTER(retried)}};
static const struct metric_line unroutable_lines[] = {{"", COUNTER(unroutable)}};
static const struct metric_line nobody_lines[] = {{"", COUNTER(no_subscribers)}};
static const struct metric_line bridge_bytes_lines[] = {{"direction=\"in\"", COUNTER(bytes_in)},
                                                        {"direction=\"out\"", COUNTER(bytes_out)}};
static const struct metric_line gap_count_lines[] = {{"", BRIDGE(gap_count)}};
static const struct metric_line gap_lines[] = {{"", BRIDGE(gap_us)}};

static const struct metric_line call_lines[] = {{"", BRIDGE(rpc.calls)}};
static const struct metric_line answer_lines[] = {
    {"outcome=\"answered\"", BRIDGE(rpc.answers)},
    {"outcome=\"error\"", BRIDGE(rpc.errors)},
    {"outcome=\"gone\"", BRIDGE(rpc.gone)},
    {"outcome=\"unanswerable\"", BRIDGE(rpc.unanswerable)},
};
static const struct metric_line call_error_lines[] = {
    {"reason=\"timeout\"", BRIDGE(rpc.timeouts)},
    {"reason=\"nobody\"", BRIDGE(rpc.nobody)},
    {"reason=\"overload\"", BRIDGE(rpc.overload)},
    {"reason=\"lost\"", BRIDGE(rpc.lost)},
};

const struct metric metrics_table[] = {
    {"chunnel_build_info", METRIC_GAUGE, METRIC_OF_DAEMON, METRIC_ONE, "1",
     "The daemon's version and the name of its instance.", LINES(one_lines)},
    {"chunnel_start_time_seconds", METRIC_GAUGE, METRIC_OF_DAEMON, METRIC_SECONDS,
     "seconds since 1970", "When the daemon started.", LINES(start_lines)},
    {"chunnel_loop_lag_seconds", METRIC_GAUGE, METRIC_OF_DAEMON, METRIC_SECONDS, "seconds",
     "Longest turn of the event loop in the last ten to twenty seconds.", LINES(lag_lines)},
    {"chunnel_loop_lag_max_seconds", METRIC_GAUGE, METRIC_OF_DAEMON, METRIC_SECONDS, "seconds",
     "Longest turn of the event loop since the start.", LINES(lag_max_lines)},
    {"chunnel_memory_held_bytes", METRIC_GAUGE, METRIC_OF_DAEMON, METRIC_NUMBER, "bytes",
     "Memory that the messages of all bridges take.", LINES(memory_lines)},
    {"chunnel_memory_limit_bytes", METRIC_GAUGE, METRIC_OF_DAEMON, METRIC_NUMBER, "bytes",
     "Most that they may take, limits.memory; 0: no limit.", LINES(memory_limit_lines)},
    {"chunnel_connection_up", METRIC_GAUGE, METRIC_OF_CONNECTION, METRIC_FLAG, "0 or 1",
     "Whether the connection is logged in.", LINES(up_lines)},
    {"chunnel_connection_blocked", METRIC_GAUGE, METRIC_OF_CONNECTION, METRIC_FLAG, "0 or 1",
     "Whether the broker has blocked publishing on it, because of an alarm.", LINES(blocked_lines)},
    {"chunnel_connection_reconnects_total", METRIC_COUNTER, METRIC_OF_CONNECTION, METRIC_NUMBER,
     "times", "Times that the connection came up again after a loss.", LINES(reconnect_lines)},
    {"chunnel_connection_bytes_total", METRIC_COUNTER, METRIC_OF_CONNECTION, METRIC_NUMBER, "bytes",
     "Bytes read and written.", LINES(connection_bytes_lines)},
    {"chunnel_connection_subscriber_lag_bytes", METRIC_GAUGE, METRIC_OF_LAG, METRIC_NUMBER, "bytes",
     "What Redis keeps for our subscriptions because it is not read yet. Past its "
     "client-output-buffer-limit it cuts them off.",
     LINES(subscriber_lag_lines)},
    {"chunnel_canary_seconds", METRIC_GAUGE, METRIC_OF_CANARY, METRIC_SECONDS, "seconds",
     "How long the last canary took from the publishing to the subscribing socket, the slowest of "
     "them; 0: none came yet. Only of connections that have one.",
     LINES(canary_lines)},
    {"chunnel_canary_renewals_total", METRIC_COUNTER, METRIC_OF_CANARY, METRIC_NUMBER, "times",
     "Times that a subscription was renewed because the canary did not come back.",
     LINES(renewal_lines)},
    {"chunnel_bridge_running", METRIC_GAUGE, METRIC_OF_BRIDGE, METRIC_FLAG, "0 or 1",
     "Whether the bridge can read its source and write to its sink.", LINES(running_lines)},
    {"chunnel_bridge_paused", METRIC_GAUGE, METRIC_OF_BRIDGE, METRIC_FLAG, "0 or 1",
     "Whether it has stopped reading: its buffer is full, or an operator said so.",
     LINES(paused_lines)},
    {"chunnel_bridge_messages_total", METRIC_COUNTER, METRIC_OF_BRIDGE, METRIC_NUMBER, "messages",
     "Messages by what became of them. What was received is the sum of the other outcomes and of "
     "chunnel_bridge_pending.",
     LINES(message_lines)},
    {"chunnel_bridge_pending", METRIC_GAUGE, METRIC_OF_BRIDGE, METRIC_NUMBER, "messages",
     "Messages taken in and not settled yet.", LINES(pending_lines)},
    {"chunnel_bridge_held", METRIC_GAUGE, METRIC_OF_BRIDGE, METRIC_NUMBER, "messages",
     "Where those are: in memory, on disk alone, or given to the sink and not confirmed.",
     LINES(held_lines)},
    {"chunnel_bridge_spool_bytes", METRIC_GAUGE, METRIC_OF_BRIDGE, METRIC_NUMBER, "bytes",
     "What the bridge has on the disk.", LINES(spool_bytes_lines)},
    {"chunnel_bridge_spool_oldest_age_seconds", METRIC_GAUGE, METRIC_OF_BRIDGE, METRIC_SECONDS,
     "seconds", "How long ago the oldest message on the disk was received; 0: there is none.",
     LINES(spool_age_lines)},
    {"chunnel_bridge_retries_total", METRIC_COUNTER, METRIC_OF_BRIDGE, METRIC_NUMBER, "times",
     "Times that a message was sent again.", LINES(retried_lines)},
    {"chunnel_bridge_unroutable_total", METRIC_COUNTER, METRIC_OF_BRIDGE, METRIC_NUMBER, "times",
     "Times that the broker returned a message because no queue was bound.",
     LINES(unroutable_lines)},
    {"chunnel_bridge_no_subscribers_total", METRIC_COUNTER, METRIC_OF_BRIDGE, METRIC_NUMBER,
     "times", "Times that PUBLISH reached too few subscribers.", LINES(nobody_lines)},
    {"chunnel_bridge_bytes_total", METRIC_COUNTER, METRIC_OF_BRIDGE, METRIC_NUMBER, "bytes",
     "Bytes of the bodies received and delivered.", LINES(bridge_bytes_lines)},
    {"chunnel_bridge_unsubscribed_total", METRIC_COUNTER, METRIC_OF_BRIDGE, METRIC_NUMBER, "times",
     "Times that a Redis source was without its subscription.", LINES(gap_count_lines)},
    {"chunnel_bridge_unsubscribed_seconds_total", METRIC_COUNTER, METRIC_OF_BRIDGE, METRIC_SECONDS,
     "seconds", "Time that it was without: what was published then is lost.", LINES(gap_lines)},
    {"chunnel_calls", METRIC_GAUGE, METRIC_OF_CALLS, METRIC_NUMBER, "calls",
     "Calls that wait for their answer.", LINES(call_lines)},
    {"chunnel_calls_total", METRIC_COUNTER, METRIC_OF_CALLS, METRIC_NUMBER, "calls",
     "Calls by what became of them.", LINES(answer_lines)},
    {"chunnel_call_failures_total", METRIC_COUNTER, METRIC_OF_CALLS, METRIC_NUMBER, "calls",
     "Calls that were not answered in time, by the reason.", LINES(call_error_lines)},
    {"chunnel_bridge_latency_seconds", METRIC_HISTOGRAM, METRIC_OF_BRIDGE, METRIC_SECONDS,
     "seconds", "Time from the receipt of a message to the confirmation of its sink, to 4 percent.",
     NULL, 0},
};

const size_t metrics_count = sizeof(metrics_table) / sizeof(metrics_table[0]);

const char *metric_type_name(enum metric_type type)
{
    static const char *const names[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };

    return names[type];
}

bool metric_is_of_connections(const struct metric *metric)
{
    return metric->scope == METRIC_OF_CONNECTION || metric->scope == METRIC_OF_LAG ||
           metric->scope == METRIC_OF_CANARY;
}

bool metric_is_of(const struct metric *metric, const struct metrics_connection *connection)
{
    return (metric->scope != METRIC_OF_LAG || connection->knows_lag) &&
           (metric->scope != METRIC_OF_CANARY || connection->canary.is_on);
}
