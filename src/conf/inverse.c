/* Trying out templates that must lead there and back. For: mirrors of a pattern. Not for: templates
 * as such (core/template.c). */
#include "conf/inverse.h"

#include "core/glob.h"

/* What stands for a wildcard in the channels that are tried: words that differ in every letter, so
 * that what comes of a wildcard differs too. */
static const char *const inverse_words[] = {"aB1", "Zy9", "7qX"};

enum { INVERSE_SAMPLES = sizeof(inverse_words) / sizeof(inverse_words[0]) };

/* The end of the class that begins at `at`, behind its bracket. */
static size_t inverse_class_end(struct slice pattern, size_t at)
{
    at++;
    while (at < pattern.len && pattern.data[at] != ']') {
        at += pattern.data[at] == '\\' && at + 1 < pattern.len ? 2 : 1;
    }
    return at < pattern.len ? at + 1 : at;
}

/* Appends a character of the class, preferably one of `word`. */
static void inverse_add_member(struct slice class, const char *word, struct strbuf *out)
{
    unsigned byte;
    const char *at;

    for (at = word; *at != '\0'; at++) {
        if (glob_match(class, slice_make(at, 1), NULL)) {
            strbuf_append_char(out, *at);
            return;
        }
    }
    for (byte = 1; byte <= UINT8_MAX; byte++) {
        char c = (char)byte;

        if (glob_match(class, slice_make(&c, 1), NULL)) {
            strbuf_append_char(out, c);
            return;
        }
    }
}

void conf_inverse_sample(struct slice pattern, const char *word, struct strbuf *out)
{
    size_t at = 0;
    size_t end;

    while (at < pattern.len) {
        switch (pattern.data[at]) {
        case '*':
            strbuf_append_text(out, word);
            at++;
            break;
        case '?':
            strbuf_append_char(out, word[0]);
            at++;
            break;
        case '[':
            end = inverse_class_end(pattern, at);
            inverse_add_member(slice_make(pattern.data + at, end - at), word, out);
            at = end;
            break;
        default:
            at += pattern.data[at] == '\\' && at + 1 < pattern.len;
            strbuf_append_char(out, pattern.data[at++]);
            break;
        }
    }
}

/* The routing key of a channel. */
static int inverse_key(const struct conf_inverse *inverse, struct slice channel, struct strbuf *out,
                       struct err *err)
{
    struct delivery delivery = {
        .channel = channel,
        .pattern = slice_of(inverse->pattern),
        .body = SLICE(""),
    };

    return template_expand(inverse->routing_key, &inverse->context, &delivery, out, err);
}

/* And the channel of a routing key. */
static int inverse_channel(const struct conf_inverse *inverse, struct slice key, struct strbuf *out,
                           struct err *err)
{
    struct delivery delivery = {
        .queue = slice_of(inverse->queue),
        .exchange = slice_of(inverse->exchange),
        .routing_key = key,
        .body = SLICE(""),
    };

    return template_expand(inverse->channel, &inverse->context, &delivery, out, err);
}

static int inverse_try(const struct conf_inverse *inverse, struct slice channel, struct strbuf *key,
                       struct strbuf *back, struct err *err)
{
    struct err why = {""};

    if (inverse_key(inverse, channel, key, &why) != 0) {
        return err_set(err,
                       "channel \"%.*s\" has no routing key: %s; only the channel can be asked",
                       (int)channel.len, channel.data, why.text);
    }
    if (inverse_channel(inverse, strbuf_slice(key), back, &why) != 0) {
        return err_set(err,
                       "routing key \"%s\", of channel \"%.*s\", has no channel: %s; only the "
                       "routing key can be asked",
                       strbuf_text(key), (int)channel.len, channel.data, why.text);
    }
    if (!slice_equal(strbuf_slice(back), channel)) {
        return err_set(err,
                       "\"routing_key\" and \"channel\" must lead there and back: channel "
                       "\"%.*s\" becomes routing key \"%s\", and that becomes channel \"%s\"",
                       (int)channel.len, channel.data, strbuf_text(key), strbuf_text(back));
    }
    return 0;
}

int conf_inverse_check(const struct conf_inverse *inverse, struct err *err)
{
    int result = 0;
    size_t i;

    for (i = 0; i < INVERSE_SAMPLES && result == 0; i++) {
        struct strbuf channel = STRBUF_INIT;
        struct strbuf key = STRBUF_INIT;
        struct strbuf back = STRBUF_INIT;

        conf_inverse_sample(slice_of(inverse->pattern), inverse_words[i], &channel);
        result = inverse_try(inverse, strbuf_slice(&channel), &key, &back, err);
        if (strbuf_failed(&channel) || strbuf_failed(&key) || strbuf_failed(&back)) {
            result = err_set(err, "out of memory");
        }
        strbuf_fini(&channel);
        strbuf_fini(&key);
        strbuf_fini(&back);
    }
    return result;
}

/* The length of the dotted words that two texts begin with, both. */
static size_t inverse_common_words(struct slice a, struct slice b)
{
    size_t words = 0;
    size_t i;

    for (i = 0; i < a.len && i < b.len && a.data[i] == b.data[i]; i++) {
        if (a.data[i] == '.') {
            words = i;
        }
    }
    return words;
}

int conf_inverse_binding_key(const struct conf_inverse *inverse, struct strbuf *out)
{
    struct strbuf channels[2] = {STRBUF_INIT, STRBUF_INIT};
    struct strbuf keys[2] = {STRBUF_INIT, STRBUF_INIT};
    int result = 0;
    size_t words;
    size_t i;

    for (i = 0; i < 2; i++) {
        conf_inverse_sample(slice_of(inverse->pattern), inverse_words[i], &channels[i]);
        if (inverse_key(inverse, strbuf_slice(&channels[i]), &keys[i], NULL) != 0 ||
            strbuf_failed(&channels[i]) || strbuf_failed(&keys[i])) {
            result = -1;
        }
    }
    if (result == 0 && slice_equal(strbuf_slice(&keys[0]), strbuf_slice(&keys[1]))) {
        strbuf_append_slice(out, strbuf_slice(&keys[0])); /* the pattern has no wildcard */
    } else if (result == 0) {
        words = inverse_common_words(strbuf_slice(&keys[0]), strbuf_slice(&keys[1]));
        strbuf_append(out, strbuf_text(&keys[0]), words);
        strbuf_append_text(out, words > 0 ? ".#" : "#");
    }
    for (i = 0; i < 2; i++) {
        strbuf_fini(&channels[i]);
        strbuf_fini(&keys[i]);
    }
    return result != 0 || strbuf_failed(out) ? -1 : 0;
}
