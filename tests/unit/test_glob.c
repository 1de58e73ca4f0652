/* Does the glob match what Redis matches, with the right captures, and in bearable time whatever
 * the pattern? */
#include "core/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rand.h"

static bool matches(const char *pattern, const char *text)
{
    return glob_match(slice_of(pattern), slice_of(text), NULL);
}

/* Each line was asked of redis 7.0.15 (PUBSUB CHANNELS). */
static void test_as_redis_does(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", false}, /* sic */
        {"**", "", false},
        {"*", "a", true},
        {"a*", "a", true},
        {"a**", "a", true},
        {"*a", "ba", true},
        {"a*b", "a", false},
        {"?", "", false},
        {"?", "\xc3", true},
        {"??", "\xc3\xa9", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"[abc]", "b", true},
        {"[abc]", "d", false},
        {"[^abc]", "d", true},
        {"[^abc]", "b", false},
        {"[a-c]", "b", true},
        {"[c-a]", "b", true}, /* swapped */
        {"[a-]", "a", true},  /* a to ], and not closed */
        {"[a-]", "^", true},
        {"[a-]", "-", false},
        {"[a-]]", "a", true}, /* a to ], then closed */
        {"[]a]", "a]", false},
        {"[]", "a", false},
        {"[^]", "a", true},
        {"[", "[", false},
        {"[^", "a", true},
        {"[a", "a", true},
        {"[a", "b", false},
        {"[a", "ab", false},
        {"[\\]]", "]", true},
        {"[\\", "\\", true},
        {"[a\\-z]", "-", true},
        {"[a\\-z]", "b", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"\\a", "a", true},
        {"\\", "\\", true},
        {"a\\", "a\\", true},
        {"A", "a", false},
        {"h[aeiou]llo*", "hello world", true},
        {"orders.*.eu", "orders.1.2.eu", true},
        {"orders.*.eu", "orders.eu", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (matches(cases[i].pattern, cases[i].text) != cases[i].matches) {
            fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].text);
        }
    }
}

static void test_any_bytes(void **state)
{
    (void)state;
    assert_true(glob_match(SLICE("a\0*"), SLICE("a\0b"), NULL));
    assert_false(glob_match(SLICE("a\0*"), SLICE("a"), NULL));
    assert_true(glob_match(SLICE("[\0]?"), SLICE("\0\n"), NULL));
    assert_true(glob_match(slice_make(NULL, 0), slice_make(NULL, 0), NULL));
}

/* The captures as one text: "<a><bc>", "-" where there is no match. */
static void capture_text(struct slice pattern, struct slice text, char *out, size_t size)
{
    struct slice captures[GLOB_CAPTURES_MAX] = {{0}};
    size_t len = 0;

    if (!glob_match(pattern, text, captures)) {
        snprintf(out, size, "-");
        return;
    }
    out[0] = '\0';
    for (unsigned i = 0; i < GLOB_CAPTURES_MAX && captures[i].data != NULL; i++) {
        len += (size_t)snprintf(out + len, size - len, "<%.*s>", (int)captures[i].len,
                                captures[i].data);
    }
}

static void test_captures(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        const char *captures;
    } cases[] = {
        {"orders.*", "orders.eu.1", "<eu.1>"},
        {"orders.*.*", "orders.eu.1.2", "<eu><1.2>"},
        {"*.*.*", "a.b.c.d", "<a><b><c.d>"},
        {"a*", "a", "<>"},
        {"a**b", "axxb", "<xx>"},
        {"?[bc]*", "abd", "<a><b><d>"},
        {"*aab", "aaaab", "<aa>"},
        {"*a?c*", "xaacabc", "<x><a><abc>"},
        {"?*?", "ab", "<a><><b>"},
        {"no", "no", ""},
        {"[^", "a", "<a>"},
        {"\\?\\*", "?*", ""},
        {"?????????", "123456789", "<1><2><3><4><5><6><7><8><9>"},
        {"???????????", "123456789ab", "<1><2><3><4><5><6><7><8><9>"},
        {"??????????*?", "123456789abc", "<1><2><3><4><5><6><7><8><9>"},
        {"a*c", "ab", "-"},
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        capture_text(slice_of(cases[i].pattern), slice_of(cases[i].text), text, sizeof(text));
        assert_string_equal(text, cases[i].captures);
    }
}

static void test_captures_past_the_wildcards_are_left_alone(void **state)
{
    struct slice captures[GLOB_CAPTURES_MAX];

    (void)state;
    for (unsigned i = 0; i < GLOB_CAPTURES_MAX; i++) {
        captures[i] = SLICE("untouched");
    }
    assert_true(glob_match(SLICE("*.?"), SLICE("a.b"), captures));
    assert_true(slice_equal_text(captures[0], "a"));
    assert_true(slice_equal_text(captures[1], "b"));
    for (unsigned i = 2; i < GLOB_CAPTURES_MAX; i++) {
        assert_true(slice_equal_text(captures[i], "untouched"));
    }
}

static void test_counting_wildcards(void **state)
{
    static const struct {
        const char *pattern;
        unsigned count;
    } cases[] = {
        {"", 0},       {"abc", 0},       {"*", 1},          {"a**b***", 2}, {"?*[x]", 3},
        {"\\*\\?", 0}, {"[\\]*]*", 2},   {"[*?", 1},        {"[", 1},       {"a\\", 0},
        {"*\\**", 2},  {"?????????", 9}, {"??????????", 9}, {"[]*]", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice pattern = slice_of(cases[i].pattern);

        assert_int_equal(glob_count_wildcards(pattern), cases[i].count);
        assert_int_equal(glob_is_literal(pattern), cases[i].count == 0);
    }
}

/* The reference: recursive, one rule after the other, without a thought for speed. Returns the
 * length of the class at the beginning of `pattern`. */
static size_t reference_class(struct slice pattern, char c, bool *out_matches)
{
    size_t at = 1;
    bool negated = pattern.len > 1 && pattern.data[1] == '^';
    bool matches_one = false;

    for (at += negated; at < pattern.len; at++) {
        signed char low = (signed char)pattern.data[at];
        signed char high = low;

        if (low == '\\' && pattern.len - at >= 2) {
            at++;
            low = high = (signed char)pattern.data[at];
        } else if (low == ']') {
            break;
        } else if (pattern.len - at >= 3 && pattern.data[at + 1] == '-') {
            at += 2;
            high = (signed char)pattern.data[at];
        }
        if (low > high) {
            signed char swapped = low;

            low = high;
            high = swapped;
        }
        matches_one = matches_one || ((signed char)c >= low && (signed char)c <= high);
    }
    *out_matches = matches_one != negated;
    return at < pattern.len ? at + 1 : pattern.len;
}

static struct slice after(struct slice text, size_t count)
{
    return slice_make(text.data + count, text.len - count);
}

static bool reference_match(struct slice pattern, struct slice text)
{
    bool matches_one = false;
    size_t len;

    if (pattern.len == 0) {
        return text.len == 0;
    }
    if (pattern.data[0] == '*') {
        return reference_match(after(pattern, 1), text) ||
               (text.len > 0 && reference_match(pattern, after(text, 1)));
    }
    if (text.len == 0) {
        return false;
    }
    if (pattern.data[0] == '[') {
        len = reference_class(pattern, text.data[0], &matches_one);
        return matches_one && reference_match(after(pattern, len), after(text, 1));
    }
    if (pattern.data[0] == '\\' && pattern.len > 1) {
        return pattern.data[1] == text.data[0] &&
               reference_match(after(pattern, 2), after(text, 1));
    }
    return (pattern.data[0] == '?' || pattern.data[0] == text.data[0]) &&
           reference_match(after(pattern, 1), after(text, 1));
}

static struct slice random_text(struct rand *rand, const char *alphabet, char *out, size_t max)
{
    size_t len = rand_below(rand, max + 1);

    for (size_t i = 0; i < len; i++) {
        out[i] = alphabet[rand_below(rand, strlen(alphabet))];
    }
    return slice_make(out, len);
}

static void test_like_the_reference(void **state)
{
    char pattern_bytes[10], text_bytes[8];
    struct rand rand;
    unsigned matched = 0;

    (void)state;
    rand_init_seed(&rand, 20260131);
    for (int i = 0; i < 500000; i++) {
        struct slice pattern = random_text(&rand, "aabb**??[[]]^-\\\xe9", pattern_bytes, 9);
        struct slice text = random_text(&rand, "aaabbb]-^\\\xe9", text_bytes, 7);
        bool expected = text.len == 0 ? pattern.len == 0 : reference_match(pattern, text);

        matched += expected;
        if (glob_match(pattern, text, NULL) != expected) {
            fail_msg("\"%.*s\" and \"%.*s\"", (int)pattern.len, pattern.data, (int)text.len,
                     text.data);
        }
    }
    assert_true(matched > 10000);
}

/* With captures put in the place of the wildcards the pattern must give the text again. */
static void test_captures_rebuild_the_text(void **state)
{
    char pattern_bytes[10], text_bytes[8];
    struct rand rand;
    unsigned matched = 0;

    (void)state;
    rand_init_seed(&rand, 4711);
    for (int i = 0; i < 200000; i++) {
        struct slice pattern = random_text(&rand, "aabb*?", pattern_bytes, 9);
        struct slice text = random_text(&rand, "ab", text_bytes, 7);
        struct slice captures[GLOB_CAPTURES_MAX] = {{0}};
        char rebuilt[100];
        size_t len = 0;
        unsigned wildcard = 0;

        if (!glob_match(pattern, text, captures)) {
            continue;
        }
        matched++;
        for (size_t at = 0; at < pattern.len; at++) {
            char c = pattern.data[at];

            if (c == '*' && at > 0 && pattern.data[at - 1] == '*') {
                continue;
            }
            if (c == '*' || c == '?') {
                assert_non_null(captures[wildcard].data);
                memcpy(rebuilt + len, captures[wildcard].data, captures[wildcard].len);
                len += captures[wildcard++].len;
            } else {
                rebuilt[len++] = c;
            }
        }
        assert_true(slice_equal(slice_make(rebuilt, len), text));
    }
    assert_true(matched > 1000);
}

/* Each of these takes a recursive matcher longer than anybody waits. */
static void test_no_pattern_explodes(void **state)
{
    enum { STARS = 200, TEXT = 20000 };
    char *pattern = malloc(2 * STARS + 1);
    char *text = malloc(TEXT);

    (void)state;
    assert_non_null(pattern);
    assert_non_null(text);
    for (size_t i = 0; i < STARS; i++) {
        memcpy(pattern + 2 * i, "a*", 2);
    }
    pattern[2 * STARS] = 'b';
    memset(text, 'a', TEXT);
    assert_false(glob_match(slice_make(pattern, 2 * STARS + 1), slice_make(text, TEXT), NULL));
    text[TEXT - 1] = 'b';
    assert_true(glob_match(slice_make(pattern, 2 * STARS + 1), slice_make(text, TEXT), NULL));
    memset(pattern, '*', 2 * STARS);
    text[TEXT - 1] = 'a';
    assert_false(glob_match(slice_make(pattern, 2 * STARS + 1), slice_make(text, TEXT), NULL));
    free(pattern);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_redis_does),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_captures),
        cmocka_unit_test(test_captures_past_the_wildcards_are_left_alone),
        cmocka_unit_test(test_counting_wildcards),
        cmocka_unit_test(test_like_the_reference),
        cmocka_unit_test(test_captures_rebuild_the_text),
        cmocka_unit_test(test_no_pattern_explodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
