/* Transactions of a sink (AMQP 0-9-1 §1.9), in place of confirms: what was published until the end
 * of a turn is committed; the commit-ok settles it as one multiple ack would. RabbitMQ routes at
 * the commit, so that returns come before the commit-ok, and answers a publish between the two by
 * closing the connection (504): the next batch waits meanwhile, and so batches grow with the load
 * and need no timer. Not for: the window and its clock (confirms.c), returns (returns.c). */
#include "amqp/sink_private.h"

/* Publishes in a transaction. Nothing is sent while the broker commits, and it commits while
 * nothing is sent: larger batches make both wait longer for each other (doc/performance.md). */
enum { BATCH_MAX = 300 };

int rmq_tx_select(struct rmq_sink *sink)
{
    amqp_tx_select_t select = {0};

    return rmq_channel_send(sink->channel, AMQP_TX_SELECT_METHOD, &select);
}

bool rmq_tx_has_room(const struct rmq_sink *sink)
{
    size_t most = sink->tx.is_alone || sink->tx.suspects > 0 ? 1 : BATCH_MAX;

    return sink->tx.committing == 0 && sink->out.count < most;
}

/* What failed a commit before would fail that of all the others, again. */
static bool tx_goes_alone(const struct delivery *delivery)
{
    return delivery->refusals > 0;
}

bool rmq_tx_takes(const struct rmq_sink *sink, const struct delivery *delivery)
{
    return window_is_empty(&sink->out) || !tx_goes_alone(delivery);
}

void rmq_tx_on_sent(struct rmq_sink *sink, const struct delivery *delivery)
{
    sink->tx.is_alone = tx_goes_alone(delivery);
    loop_defer(sink->loop, &sink->step);
}

void rmq_tx_commit(struct rmq_sink *sink)
{
    amqp_tx_commit_t commit = {0};

    if (!sink->ready || sink->tx.committing != 0 || window_is_empty(&sink->out)) {
        return;
    }
    sink->tx.committing = sink->out.next - 1;
    rmq_confirms_restart_clock(sink);
    rmq_channel_send(sink->channel, AMQP_TX_COMMIT_METHOD, &commit);
}

/* The batch is over, be it committed or not. */
static void tx_end(struct rmq_sink *sink)
{
    sink->tx.committing = 0;
    sink->tx.is_alone = false;
}

bool rmq_tx_on_commit_ok(struct rmq_sink *sink)
{
    amqp_basic_ack_t all = {.delivery_tag = sink->tx.committing, .multiple = 1};

    if (sink->tx.committing == 0) {
        return false;
    }
    tx_end(sink);
    sink->tx.suspects -= sink->tx.suspects > 0;
    rmq_confirms_on_ack(sink, &all);
    return true;
}

/* A queue did not take its part (it is full and rejects, or it died). The others have theirs, so
 * that sending the batch again doubles it there: its messages go one by one, once, which finds the
 * one to blame; it alone is refused, and goes alone from then on. */
static void tx_on_refused(struct rmq_sink *sink, const char *why)
{
    if (sink->out.count > 1) {
        sink->tx.suspects = sink->out.count;
        return;
    }
    sink->tx.suspects -= sink->tx.suspects > 0;
    sink->ready = false;
    sink->base.events->on_settled(sink->base.ctx, window_take_first(&sink->out, UINT64_MAX),
                                  OUTCOME_RETRY, why);
}

void rmq_tx_on_down(struct rmq_sink *sink, const struct rmq_loss *loss)
{
    bool is_refused = sink->tx.committing != 0 && !loss->of_connection &&
                      loss->code == AMQP_PRECONDITION_FAILED && !rmq_culprit_is_blamed(loss);

    tx_end(sink);
    if (is_refused) {
        tx_on_refused(sink, loss->why);
    }
}
