/* Redis' glob with captures. For: what a pattern's wildcards matched in a channel. Not for:
 * deciding which messages come (Redis does that). */
#include "core/glob.h"

/* A place to go back to: the last `*` seen. It takes one character more at every retry, and no `*`
 * before it ever has to: what follows them was found as early as possible already. */
struct star {
    bool seen;
    size_t pattern;    /* behind the `*` */
    size_t text;       /* behind what it takes */
    unsigned wildcard; /* its number, from 0 */
};

static bool is_between(signed char c, signed char a, signed char b)
{
    return a <= b ? c >= a && c <= b : c >= b && c <= a;
}

/* Matches the class at *at, a `[`, and moves behind it. As in Redis, `]` always closes it and the
 * end of the pattern does too, and bytes compare as the signed char of its usual platforms. */
static bool match_class(struct slice pattern, size_t *at, char c)
{
    const char *data = pattern.data;
    size_t i = *at + 1;
    bool negated = i < pattern.len && data[i] == '^';
    bool found = false;

    if (negated) {
        i++;
    }
    while (i < pattern.len && data[i] != ']') {
        size_t left = pattern.len - i;

        if (data[i] == '\\' && left >= 2) {
            found = found || data[i + 1] == c;
            i += 2;
        } else if (left >= 3 && data[i + 1] == '-') {
            found =
                found || is_between((signed char)c, (signed char)data[i], (signed char)data[i + 2]);
            i += 3;
        } else {
            found = found || data[i] == c;
            i++;
        }
    }
    *at = i < pattern.len ? i + 1 : i;
    return found != negated;
}

/* Matches what stands at *at, anything but a `*`, and moves behind it; *out_wildcard: whether it
 * was a wildcard. */
static bool match_one(struct slice pattern, size_t *at, char c, bool *out_wildcard)
{
    char first = pattern.data[*at];

    *out_wildcard = first == '?' || first == '[';
    if (first == '[') {
        return match_class(pattern, at, c);
    }
    if (first == '\\' && *at + 1 < pattern.len) {
        (*at)++;
    }
    return pattern.data[(*at)++] == c || first == '?';
}

static size_t skip_stars(struct slice pattern, size_t at)
{
    while (at < pattern.len && pattern.data[at] == '*') {
        at++;
    }
    return at;
}

static bool is_special(char c)
{
    return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* How many ordinary characters from here on are the same in both: most of a pattern is such. */
static size_t count_equal(struct slice pattern, size_t p, struct slice text, size_t t)
{
    size_t left = pattern.len - p < text.len - t ? pattern.len - p : text.len - t;
    size_t count = 0;

    while (count < left && pattern.data[p + count] == text.data[t + count] &&
           !is_special(pattern.data[p + count])) {
        count++;
    }
    return count;
}

static void capture(struct slice *captures, unsigned wildcard, const char *text, size_t len)
{
    if (captures != NULL && wildcard < GLOB_CAPTURES_MAX) {
        captures[wildcard] = slice_make(text, len);
    }
}

bool glob_match(struct slice pattern, struct slice text, struct slice captures[GLOB_CAPTURES_MAX])
{
    struct star star = {0};
    size_t p = 0;
    size_t t = 0;
    unsigned wildcard = 0;

    if (text.len == 0) {
        return pattern.len == 0; /* Redis: not even `*` matches the empty text */
    }
    for (;;) {
        size_t equal = count_equal(pattern, p, text, t);
        bool is_wildcard;

        p += equal;
        t += equal;
        if (p == pattern.len && t == text.len) {
            return true;
        }
        if (p < pattern.len && pattern.data[p] == '*') {
            p = skip_stars(pattern, p);
            if (p == pattern.len) {
                capture(captures, wildcard, text.data + t, text.len - t);
                return true;
            }
            star = (struct star){true, p, t, wildcard};
            capture(captures, wildcard++, text.data + t, 0);
        } else if (p < pattern.len && t < text.len &&
                   match_one(pattern, &p, text.data[t], &is_wildcard)) {
            if (is_wildcard) {
                capture(captures, wildcard++, text.data + t, 1);
            }
            t++;
        } else if (star.seen && star.text < text.len) {
            t = ++star.text;
            p = star.pattern;
            wildcard = star.wildcard + 1;
            if (captures != NULL && star.wildcard < GLOB_CAPTURES_MAX) {
                captures[star.wildcard].len++;
            }
        } else {
            return false;
        }
    }
}

unsigned glob_count_wildcards(struct slice pattern)
{
    unsigned count = 0;
    size_t at = 0;

    while (at < pattern.len && count < GLOB_CAPTURES_MAX) {
        bool is_wildcard = pattern.data[at] == '*';

        if (is_wildcard) {
            at = skip_stars(pattern, at);
        } else {
            match_one(pattern, &at, '\0', &is_wildcard);
        }
        count += is_wildcard;
    }
    return count;
}

bool glob_is_literal(struct slice pattern)
{
    return glob_count_wildcards(pattern) == 0;
}
