/* The store's operations note and defer; events are raised by the test's calls and by the pump. */
#include "fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fake_record *record_new(struct slice body)
{
    struct fake_record *record = calloc(1, sizeof(*record));

    assert_non_null(record);
    record->body = strndup(body.len > 0 ? body.data : "", body.len);
    assert_non_null(record->body);
    return record;
}

static void record_free(struct fake_records *from, struct fake_record *record)
{
    TAILQ_REMOVE(from, record, link);
    free(record->body);
    free(record->error);
    free(record);
}

static uint64_t count_alone(const struct fake_records *records)
{
    const struct fake_record *record;
    uint64_t count = 0;

    TAILQ_FOREACH(record, records, link) {
        count += record->number == 0;
    }
    return count;
}

uint64_t fake_store_alone(const struct fake_store *store)
{
    return count_alone(&store->ahead) + count_alone(&store->records);
}

static void store_append_beside(struct fake_store *store, struct fake_record *record, uint64_t seq,
                                enum store_place place)
{
    record->number = seq;
    record->kept = place != STORE_ALSO;
    if (place != STORE_AHEAD) {
        assert_int_equal(fake_store_alone(store), 0);
    }
    if (place == STORE_ALSO) {
        assert_true(seq > store->durable);
        store->durable = seq;
    }
    if (!store->holds_durable) {
        fake_pump_defer(store->pump, &store->durable_call);
    }
}

static enum store_append store_append(struct store *base, const struct delivery *delivery,
                                      enum store_place place)
{
    struct fake_store *store = (struct fake_store *)base;
    struct fake_record *record;

    if (store->refuses && store->takes == 0) {
        return store->busy ? STORE_BUSY : STORE_REFUSED;
    }
    store->takes -= store->takes > 0;
    fake_pump_begin_operation(store->pump);
    record = record_new(delivery_raw_body(delivery));
    record->reason = delivery->reason;
    record->error = delivery->error != NULL ? strdup(delivery->error) : NULL;
    store->appends++;
    store->unwritten = store->holds_durable || place != STORE_ALONE;
    if (place != STORE_ALONE) {
        store_append_beside(store, record, delivery->seq, place);
    }
    TAILQ_INSERT_TAIL(place == STORE_AHEAD ? &store->ahead : &store->records, record, link);
    fake_pump_end_operation(store->pump);
    return STORE_APPENDED;
}

static struct fake_record *store_first_alone(struct fake_store *store, struct fake_records **from)
{
    struct fake_records *lists[] = {&store->ahead, &store->records};
    struct fake_record *record;

    for (size_t i = 0; i < 2; i++) {
        TAILQ_FOREACH(record, lists[i], link) {
            if (record->number == 0) {
                *from = lists[i];
                return record;
            }
        }
    }
    return NULL;
}

static int store_load(struct store *base, uint64_t after, size_t most_bytes)
{
    struct fake_store *store = (struct fake_store *)base;

    (void)most_bytes;
    fake_pump_begin_operation(store->pump);
    assert_false(store->loading);
    store->loading = fake_store_alone(store) > 0;
    store->after = after;
    if (store->loading) {
        fake_pump_defer(store->pump, &store->load_call);
    }
    fake_pump_end_operation(store->pump);
    return store->loading ? 0 : -1;
}

static struct delivery *store_make(const struct fake_record *record)
{
    char *data;
    size_t len = strlen(record->body);
    struct delivery *delivery = delivery_new(len, &data);

    assert_non_null(delivery);
    memcpy(data, record->body, len);
    delivery->body = slice_make(data, len);
    delivery->channel = SLICE("news");
    delivery->seq = record->number;
    delivery->reason = record->reason;
    delivery->error = record->error != NULL ? strdup(record->error) : NULL;
    return delivery;
}

static void store_on_load_due(void *ctx)
{
    struct fake_store *store = ctx;
    struct delivery_list list = TAILQ_HEAD_INITIALIZER(list);
    struct fake_records *from;
    struct fake_record *record;
    unsigned damaged = 0;

    while (damaged < store->damaged && (record = store_first_alone(store, &from)) != NULL) {
        strbuf_append_format(&store->lost, "%s ", record->body);
        record_free(from, record);
        damaged++;
    }
    store->damaged = 0;
    for (size_t i = 0; i < store->load_most && (record = store_first_alone(store, &from)); i++) {
        struct delivery *delivery;

        record->number = ++store->after;
        delivery = store_make(record);
        TAILQ_INSERT_TAIL(&list, delivery, link);
    }
    store->loading = false;
    fake_pump_before_event(store->pump);
    store->store.events->on_loaded(store->store.ctx, &list, store->after, damaged);
    assert_true(TAILQ_EMPTY(&list));
    fake_pump_after_event(store->pump);
}

static void store_on_durable_due(void *ctx)
{
    struct fake_store *store = ctx;

    store->unwritten = false;
    fake_pump_before_event(store->pump);
    store->store.events->on_durable(store->store.ctx, store->durable);
    fake_pump_after_event(store->pump);
}

static void store_remove_from(struct fake_store *store, struct fake_records *records, uint64_t upto)
{
    struct fake_record *record = TAILQ_FIRST(records);
    struct fake_record *next;

    for (; record != NULL; record = next) {
        next = TAILQ_NEXT(record, link);
        if (record->number != 0 && record->number <= upto && !record->kept) {
            strbuf_append_format(&store->forgot, "%s ", record->body);
            record_free(records, record);
        }
    }
}

static void store_remove_upto(struct store *base, uint64_t upto)
{
    struct fake_store *store = (struct fake_store *)base;

    fake_pump_begin_operation(store->pump);
    store->removed++;
    store_remove_from(store, &store->ahead, upto);
    store_remove_from(store, &store->records, upto);
    fake_pump_end_operation(store->pump);
}

static void store_remove(struct store *base, uint64_t number)
{
    struct fake_store *store = (struct fake_store *)base;
    struct fake_records *lists[] = {&store->ahead, &store->records};
    struct fake_record *record, *next;
    size_t found = 0;

    fake_pump_begin_operation(store->pump);
    for (size_t i = 0; i < 2; i++) {
        for (record = TAILQ_FIRST(lists[i]); record != NULL; record = next) {
            next = TAILQ_NEXT(record, link);
            if (record->number == number) {
                if (found++ == 0) {
                    strbuf_append_format(&store->forgot, "%s ", record->body);
                }
                record_free(lists[i], record);
            }
        }
    }
    assert_in_range(found, 1, 2); /* each is removed once, and only what has a record */
    store->removed++;
    fake_pump_end_operation(store->pump);
}

static bool store_is_failing(const struct store *base)
{
    return ((const struct fake_store *)base)->failing;
}

static bool store_is_written(const struct store *base)
{
    return !((const struct fake_store *)base)->unwritten;
}

static bool store_is_tight(const struct store *base)
{
    return ((const struct fake_store *)base)->tight;
}

static void store_get_gauge(const struct store *base, struct store_gauge *out_gauge)
{
    const struct fake_store *store = (const struct fake_store *)base;
    const struct fake_record *record;

    *out_gauge = (struct store_gauge){0};
    TAILQ_FOREACH(record, &store->records, link) {
        out_gauge->bytes += strlen(record->body);
        out_gauge->oldest_us = 1;
    }
}

static const char *store_trouble(const struct store *base)
{
    return ((const struct fake_store *)base)->why;
}

static const struct store_ops fake_store_ops = {
    .append = store_append,
    .load = store_load,
    .remove = store_remove,
    .remove_upto = store_remove_upto,
    .is_tight = store_is_tight,
    .is_failing = store_is_failing,
    .is_written = store_is_written,
    .get_gauge = store_get_gauge,
    .trouble = store_trouble,
};

struct fake_store *fake_store_new(struct fake_pump *pump)
{
    struct fake_store *store = calloc(1, sizeof(*store));

    assert_non_null(store);
    store->store.ops = &fake_store_ops;
    store->pump = pump;
    store->load_most = 1000;
    store->load_call = (struct fake_call){.run = store_on_load_due, .ctx = store};
    store->durable_call = (struct fake_call){.run = store_on_durable_due, .ctx = store};
    TAILQ_INIT(&store->ahead);
    TAILQ_INIT(&store->records);
    return store;
}

static void store_clear(struct fake_records *records)
{
    struct fake_record *record;

    while ((record = TAILQ_FIRST(records)) != NULL) {
        record_free(records, record);
    }
}

void fake_store_free(struct fake_store *store)
{
    fake_pump_cancel(store->pump, &store->load_call);
    fake_pump_cancel(store->pump, &store->durable_call);
    store_clear(&store->ahead);
    store_clear(&store->records);
    strbuf_fini(&store->text);
    strbuf_fini(&store->forgot);
    strbuf_fini(&store->lost);
    free(store);
}

void fake_store_fill(struct fake_store *store, const char *body)
{
    struct fake_record *record = record_new(slice_of(body));

    TAILQ_INSERT_TAIL(&store->records, record, link);
    fake_store_restart(store);
}

void fake_store_restart(struct fake_store *store)
{
    struct fake_record *record;

    fake_pump_cancel(store->pump, &store->load_call);
    fake_pump_cancel(store->pump, &store->durable_call);
    TAILQ_FOREACH(record, &store->ahead, link) {
        record->number = 0;
        record->kept = false;
    }
    TAILQ_FOREACH(record, &store->records, link) {
        record->number = 0;
        record->kept = false;
    }
    store->loading = false;
    store->unwritten = false;
    store->durable = 0;
    store->removed = 0;
    store->store.count = fake_store_alone(store);
    store->store.first = store->store.count > 0 ? 1 : 0;
    store->store.last = store->store.count;
}

void fake_store_sync(struct fake_store *store)
{
    store_on_durable_due(store);
    fake_pump_run(store->pump);
}

void fake_store_room(struct fake_store *store)
{
    fake_pump_before_event(store->pump);
    store->store.events->on_room(store->store.ctx);
    fake_pump_after_event(store->pump);
    fake_pump_run(store->pump);
}

void fake_store_set_failing(struct fake_store *store, bool failing)
{
    store->failing = failing;
    fake_pump_before_event(store->pump);
    store->store.events->on_trouble(store->store.ctx);
    fake_pump_after_event(store->pump);
    fake_pump_run(store->pump);
}

static const struct fake_record *records_find(const struct fake_records *records, const char *body)
{
    const struct fake_record *record;

    TAILQ_FOREACH(record, records, link) {
        if (strcmp(record->body, body) == 0) {
            return record;
        }
    }
    return NULL;
}

static const struct fake_record *store_find(const struct fake_store *store, const char *body)
{
    const struct fake_record *record = records_find(&store->ahead, body);

    return record != NULL ? record : records_find(&store->records, body);
}

bool fake_store_has(const struct fake_store *store, const char *body)
{
    return store_find(store, body) != NULL;
}

const char *fake_store_reason(const struct fake_store *store, const char *body)
{
    const struct fake_record *record = store_find(store, body);

    return record != NULL ? record->reason : NULL;
}

const char *fake_store_text(struct fake_store *store)
{
    const struct fake_record *record;

    strbuf_reset(&store->text);
    TAILQ_FOREACH(record, &store->ahead, link) {
        strbuf_append_format(&store->text, "%s ", record->body);
    }
    TAILQ_FOREACH(record, &store->records, link) {
        strbuf_append_format(&store->text, "%s ", record->body);
    }
    return strbuf_text(&store->text);
}
