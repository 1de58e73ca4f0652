/* Finding the message over which the broker closes a channel. Of a publish it says no more than
 * why: everything unconfirmed comes back, and would be sent again, the culprit among it, for ever.
 * So after such a close less and less is out at once, until one closes the channel that was alone.
 * It is refused, and the others cross in their order. RabbitMQ answers so to a reply_to of direct
 * reply-to without its consumer, a user_id that is not the login's, an expiration that is no
 * number, a CC that is no list, and what is over its max_message_size. A missing exchange (404) or
 * permission (403) may come and is waited for; but a message that names its exchange itself, by a
 * template, has no more attempts than the rule allows, and a dead letter never is tried for ever.
 * Not for: a commit that failed (tx.c). */
#include "amqp/sink_private.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    CULPRIT_DIVISOR = 16,     /* so five closes find one among 65,536, and double little */
    CULPRIT_LIMIT_END = 65536 /* a limit that limits nothing any more */
};

#define TELL_EVERY_US (60 * CLOCK_US_PER_S)

void rmq_culprit_init(struct rmq_sink *sink, const struct bridge_options *options)
{
    const struct template *exchange = sink->conf->mapping.exchange;
    struct slice name;

    sink->culprit.names_exchange = (options->retry_attempts > 0 || sink->conf->is_dead_letter) &&
                                   exchange != NULL && !template_is_constant(exchange, &name);
}

static bool culprit_is_of_publish(const struct rmq_loss *loss)
{
    return !loss->of_connection &&
           ((uint32_t)loss->class_id << 16 | loss->method_id) == AMQP_BASIC_PUBLISH_METHOD;
}

bool rmq_culprit_is_blamed(const struct rmq_loss *loss)
{
    return culprit_is_of_publish(loss) && loss->code == AMQP_PRECONDITION_FAILED;
}

/* Whether the exchange of a message, which it names itself, is not there or not for us. */
static bool culprit_lacks_exchange(const struct rmq_sink *sink, const struct rmq_loss *loss)
{
    return sink->culprit.names_exchange && culprit_is_of_publish(loss) &&
           (loss->code == AMQP_NOT_FOUND || loss->code == AMQP_ACCESS_REFUSED);
}

/* Sends the rest of those it may have been among in smaller parts. */
static void culprit_narrow(struct rmq_sink *sink, const struct rmq_loss *loss)
{
    struct rmq_culprit *culprit = &sink->culprit;
    uint64_t now = loop_now_us(sink->loop);
    size_t count = sink->out.count;

    if (culprit->suspects > 0 && count < culprit->suspects) {
        rmq_channel_progress(sink->channel);
    }
    culprit->suspects = count;
    culprit->limit = count > CULPRIT_DIVISOR ? count / CULPRIT_DIVISOR : 1;
    if (culprit->told_us == 0 || now - culprit->told_us >= TELL_EVERY_US) {
        culprit->told_us = now ? now : 1;
        log_info("bridge", sink->bridge, "looking for the message that closed the channel",
                 log_text("why", loss->why), log_number("among", count));
    }
}

/* More culprits may be near: the next go one by one, then ever more at once. */
static void culprit_refuse(struct rmq_sink *sink, const struct rmq_loss *loss, enum outcome outcome)
{
    sink->culprit.suspects = 0;
    sink->culprit.limit = 1;
    rmq_channel_progress(sink->channel);
    sink->ready = false;
    sink->base.events->on_settled(sink->base.ctx, window_take_first(&sink->out, UINT64_MAX),
                                  outcome, loss->why);
}

bool rmq_culprit_on_down(struct rmq_sink *sink, const struct rmq_loss *loss)
{
    bool may_come = culprit_lacks_exchange(sink, loss);

    if ((!may_come && !rmq_culprit_is_blamed(loss)) || window_is_empty(&sink->out)) {
        return false;
    }
    if (sink->out.count == 1) {
        culprit_refuse(sink, loss, may_come ? OUTCOME_NO_EXCHANGE : OUTCOME_REFUSED);
    } else {
        culprit_narrow(sink, loss);
    }
    return true;
}

void rmq_culprit_on_answer(struct rmq_sink *sink)
{
    struct rmq_culprit *culprit = &sink->culprit;

    if (culprit->suspects > 0) {
        culprit->suspects--;
    } else if (++culprit->limit >= CULPRIT_LIMIT_END) {
        culprit->limit = 0;
    }
}
