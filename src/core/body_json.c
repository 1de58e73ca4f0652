/* One parse of a body for all that ask for it. Not for: JSON itself (base/json.c). */
#include "core/body_json.h"

enum { BODY_VALUES_MAX = 100000 }; /* some 10 MB for the moment */

static bool body_json_is_of(const struct body_json *cache, const struct delivery *delivery)
{
    return cache->body.data != NULL && cache->body.data == delivery->body.data &&
           cache->number == delivery->number && cache->process == delivery->process;
}

struct json *body_json_get(struct body_json *cache, const struct delivery *delivery,
                           const struct json_problem **out_problem)
{
    struct json_limits limits = {
        .bytes = delivery->body.len, .values = BODY_VALUES_MAX, .depth = JSON_DEPTH_MAX};

    if (!body_json_is_of(cache, delivery)) {
        body_json_forget(cache);
        cache->json = json_parse(delivery->body, &limits, &cache->problem);
        cache->body = delivery->body;
        cache->number = delivery->number;
        cache->process = delivery->process;
    }
    if (out_problem != NULL) {
        *out_problem = &cache->problem;
    }
    return cache->json;
}

void body_json_forget(struct body_json *cache)
{
    json_free(cache->json);
    cache->json = NULL;
    cache->body = slice_make(NULL, 0);
}
