/* A strict scanner for the structure of JSON (RFC 8259). For: refusing what cJSON lets pass, with
 * the place and the remedy, and telling where values stand. Not for: making values; cJSON does
 * that (base/json.c). */
#include "base/json_scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/json_lex.h"

/* An open object or array. */
struct json_frame {
    size_t key;       /* object: offset of the key of the member under way */
    uint32_t ordinal; /* item under way, from 0 */
    bool is_object;
    bool has_item; /* an item is under way */
};

/* A scan under way. */
struct json_scanner {
    struct json_lex lex;
    const struct json_limits *limits;
    const struct json_visitor *visitor;
    size_t values;  /* seen so far */
    unsigned depth; /* frames in use */
    struct json_frame frames[JSON_DEPTH_MAX];
};

/* What a step of the scan led to. */
enum json_step {
    JSON_STEP_FAILED, /* it is said in the lexer's failure */
    JSON_STEP_ENDED,  /* the visitor wants no more */
    JSON_STEP_DONE,   /* a value is complete */
    JSON_STEP_VALUE,  /* a value begins */
};

struct json_position json_scan_position(struct slice text, size_t offset)
{
    struct json_position at = {offset, 1, 1};
    size_t line = 0;
    const char *end;

    while (line < offset && (end = memchr(text.data + line, '\n', offset - line)) != NULL) {
        at.line++;
        line = (size_t)(end - text.data) + 1;
    }
    at.column = (unsigned)(offset - line) + 1;
    return at;
}

/* Appends to the pointer what fits. */
static void json_scan_point(struct json_problem *problem, const char *data, size_t len)
{
    size_t used = strlen(problem->pointer);
    size_t room = sizeof(problem->pointer) - 1 - used;

    len = len < room ? len : room;
    memcpy(problem->pointer + used, data, len);
    problem->pointer[used + len] = '\0';
}

/* A key as a part of the pointer. Its escapes stay as they are in the text: it is no JSON anyhow,
 * and this is enough to find the place. */
static void json_scan_point_key(struct json_problem *problem, struct slice text, size_t offset)
{
    size_t len = json_lex_string_length(text, offset) - 2;
    const char *key = text.data + offset + 1;
    size_t i;

    json_scan_point(problem, "/", 1);
    for (i = 0; i < len; i++) {
        if (key[i] == '~' || key[i] == '/') {
            json_scan_point(problem, key[i] == '~' ? "~0" : "~1", 2);
        } else {
            json_scan_point(problem, &key[i], 1);
        }
    }
}

/* Hands out the lexer's failure with its place. */
static void json_scan_report(const struct json_scanner *scanner, struct json_problem *out_problem)
{
    struct slice text = scanner->lex.text;
    char number[16];
    unsigned i;

    out_problem->at = json_scan_position(text, scanner->lex.failed_at);
    memcpy(out_problem->text, scanner->lex.failure, sizeof(out_problem->text));
    out_problem->pointer[0] = '\0';
    for (i = 0; i < scanner->depth; i++) {
        const struct json_frame *frame = &scanner->frames[i];

        if (frame->has_item && frame->is_object) {
            json_scan_point_key(out_problem, text, frame->key);
        } else if (frame->has_item) {
            snprintf(number, sizeof(number), "/%u", (unsigned)frame->ordinal);
            json_scan_point(out_problem, number, strlen(number));
        }
    }
}

/* The key of a member and its colon, or the beginning of an array's item. */
static enum json_step json_scan_item(struct json_scanner *scanner)
{
    struct json_frame *frame = &scanner->frames[scanner->depth - 1];
    struct json_lex *lex = &scanner->lex;
    char found[24];

    if (!frame->is_object) {
        frame->has_item = true;
        return JSON_STEP_VALUE;
    }
    frame->has_item = false;
    if (json_lex_peek(lex) != '"') {
        json_lex_fail(lex, lex->at, "a key in double quotes is wanted here, this is %s",
                      json_lex_found(lex, found));
        return JSON_STEP_FAILED;
    }
    frame->key = lex->at;
    if (json_lex_string(lex) != 0) {
        return JSON_STEP_FAILED;
    }
    frame->has_item = true;
    json_lex_space(lex);
    if (json_lex_peek(lex) != ':') {
        json_lex_fail(lex, lex->at, "':' is wanted behind the key, this is %s",
                      json_lex_found(lex, found));
        return JSON_STEP_FAILED;
    }
    lex->at++;
    json_lex_space(lex);
    return JSON_STEP_VALUE;
}

/* Opens the container that begins here. */
static enum json_step json_scan_open(struct json_scanner *scanner)
{
    struct json_lex *lex = &scanner->lex;
    bool is_object = json_lex_peek(lex) == '{';

    if (scanner->depth >= scanner->limits->depth) {
        json_lex_fail(lex, lex->at, "nested deeper than %u levels; flatten it",
                      scanner->limits->depth);
        return JSON_STEP_FAILED;
    }
    lex->at++;
    json_lex_space(lex);
    if (json_lex_peek(lex) == (is_object ? '}' : ']')) {
        lex->at++;
        return JSON_STEP_DONE;
    }
    scanner->frames[scanner->depth++] = (struct json_frame){.is_object = is_object};
    return json_scan_item(scanner);
}

/* The value that begins here: shown to the visitor, then stepped over or into. */
static enum json_step json_scan_value(struct json_scanner *scanner)
{
    const struct json_visitor *visitor = scanner->visitor;
    const struct json_frame *frame =
        scanner->depth > 0 ? &scanner->frames[scanner->depth - 1] : NULL;
    struct json_lex *lex = &scanner->lex;
    int c = json_lex_peek(lex);

    scanner->values++;
    if (scanner->limits->values != 0 && scanner->values > scanner->limits->values) {
        json_lex_fail(lex, lex->at, "more than %zu values; split it up", scanner->limits->values);
        return JSON_STEP_FAILED;
    }
    if (visitor != NULL &&
        visitor->on_value(visitor->ctx, lex->at, frame && frame->is_object ? frame->key : lex->at,
                          frame ? frame->ordinal : 0, scanner->depth) != 0) {
        return JSON_STEP_ENDED;
    }
    if (c == '{' || c == '[') {
        return json_scan_open(scanner);
    }
    return json_lex_scalar(lex) == 0 ? JSON_STEP_DONE : JSON_STEP_FAILED;
}

/* Behind a complete value inside a container. */
static enum json_step json_scan_next(struct json_scanner *scanner)
{
    struct json_frame *frame = &scanner->frames[scanner->depth - 1];
    char end = frame->is_object ? '}' : ']';
    struct json_lex *lex = &scanner->lex;
    size_t comma;
    char found[24];

    json_lex_space(lex);
    if (json_lex_peek(lex) == end) {
        lex->at++;
        scanner->depth--;
        return JSON_STEP_DONE;
    }
    if (json_lex_peek(lex) != ',') {
        json_lex_fail(lex, lex->at, "',' or '%c' is wanted here, this is %s", end,
                      json_lex_found(lex, found));
        return JSON_STEP_FAILED;
    }
    comma = lex->at++;
    json_lex_space(lex);
    if (json_lex_peek(lex) == end) {
        json_lex_fail(lex, comma, "a comma before '%c'; leave it out", end);
        return JSON_STEP_FAILED;
    }
    frame->ordinal++;
    return json_scan_item(scanner);
}

/* The whole text. */
static enum json_step json_scan_text(struct json_scanner *scanner)
{
    enum json_step step = JSON_STEP_VALUE;
    struct json_lex *lex = &scanner->lex;
    char found[24];

    if (lex->text.len > scanner->limits->bytes) {
        json_lex_fail(lex, 0, "longer than %zu bytes; split it up", scanner->limits->bytes);
        return JSON_STEP_FAILED;
    }
    json_lex_space(lex);
    if (lex->at == lex->text.len) {
        json_lex_fail(lex, 0, "empty; a JSON value is wanted");
        return JSON_STEP_FAILED;
    }
    while (step == JSON_STEP_VALUE) {
        step = json_scan_value(scanner);
        while (step == JSON_STEP_DONE && scanner->depth > 0) {
            step = json_scan_next(scanner);
        }
    }
    json_lex_space(lex);
    if (step == JSON_STEP_DONE && lex->at < lex->text.len) {
        json_lex_fail(lex, lex->at, "%s behind the end of the JSON value; remove the rest",
                      json_lex_found(lex, found));
        return JSON_STEP_FAILED;
    }
    return step;
}

int json_scan(struct slice text, const struct json_limits *limits,
              const struct json_visitor *visitor, struct json_problem *out_problem)
{
    struct json_scanner scanner;
    enum json_step step;

    scanner.lex.text = text; /* frames and words are set when they are needed */
    scanner.lex.at = 0;
    scanner.limits = limits;
    scanner.visitor = visitor;
    scanner.values = 0;
    scanner.depth = 0;
    step = json_scan_text(&scanner);
    if (step == JSON_STEP_FAILED && out_problem != NULL) {
        json_scan_report(&scanner, out_problem);
    }
    return step == JSON_STEP_DONE ? 0 : -1;
}
