/* Texts that are no good configurations, and what must be said of them. In both, ' stands for ". */
#ifndef CHUNNELD_TESTS_CONF_BAD_H
#define CHUNNELD_TESTS_CONF_BAD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A text, and the lines that it gives, without the name of the file before them. */
struct conf_bad {
    const char *text;
    const char *problems;
};

/* Loads each text; what is said must be exactly that. */
void conf_bad_check(const struct conf_bad *cases, size_t count);
/* Likewise of good configurations: their warnings. */
void conf_warned_check(const struct conf_bad *cases, size_t count);

/* Whole configurations around a part. The connections are "r" to Redis and "a" to AMQP. */
#define BOTH "{'connections': {'r': {'url': 'redis://h'}, 'a': {'url': 'amqp://h'}},\n"
#define WITH_BOTH(text) BOTH text
#define BRIDGES(text) BOTH " 'bridges': [" text "]}"
#define FROM(text) BRIDGES("{'name': 'b', 'from': " text ",\n  'to': {'exchange': 'x'}}")
#define FROM_REDIS(text)                                                                           \
    BRIDGES("{'name': 'b', 'from': " text ", 'to': {'channel': 'x'},\n  'enabled': true}")
#define TO(text) BRIDGES("{'name': 'b', 'from': {'channel': 'c'},\n  'to': " text "}")
#define TO_PATTERN(text) BRIDGES("{'name': 'b', 'from': {'pattern': 'c.*'},\n  'to': " text "}")
#define OPTION(text)                                                                               \
    BRIDGES("{'name': 'b', 'from': {'channel': 'c'}, 'to': {'exchange': 'x'},\n  " text "}")
#define OPTION_REDIS(text)                                                                         \
    BRIDGES("{'name': 'b', 'from': {'queue': 'q'}, 'to': {'channel': 'x'},\n  " text "}")
#define TOPOLOGY(text) BOTH " 'topology':\n  " text "}"
#define ARGUMENTS(text) TOPOLOGY("{'queues': [{'name': 'q', 'arguments':\n " text "}]}")
#define CONNECTION(text) "{'connections': {'r':\n " text "}}"

/* Strings that are too long. */
#define TIMES4(c) c c c c
#define TIMES64(c) TIMES4(TIMES4(TIMES4(c)))
#define TIMES256(c) TIMES4(TIMES64(c))
#define Q256 TIMES256("q")
#define H256 TIMES256("h")
#define T256 TIMES256("t")
#define N256 TIMES256("n")
#define X65 TIMES64("x") "x"

#endif
