/* Commands to Redis as bytes. For: every command, PUBLISH above all, which is why no printf is
 * here. Not for: knowing commands, sending (connection.c). */
#include "redis/command.h"

#include <stdint.h>

enum { COMMAND_HEADER_ROOM = 1 + 20 + 2 }; /* the sign, the digits of 2^64, CRLF */

size_t redis_command_room(const struct slice *args, size_t count)
{
    size_t room = COMMAND_HEADER_ROOM;
    size_t i;

    for (i = 0; i < count; i++) {
        room += COMMAND_HEADER_ROOM + args[i].len + 2;
    }
    return room;
}

/* Most numbers have a digit or two: the words, the channel, the small body. */
static char *command_put_header(char *out, char sign, size_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    *out++ = sign;
    while (number > 99) {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    }
    if (number > 9) {
        *out++ = (char)('0' + number / 10);
    }
    *out++ = (char)('0' + number % 10);
    while (at < sizeof(digits)) {
        *out++ = digits[at++];
    }
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

size_t redis_command_write(const struct slice *args, size_t count, void *out)
{
    char *end = command_put_header(out, '*', count);
    size_t i;

    for (i = 0; i < count; i++) {
        end = command_put_header(end, '$', args[i].len);
        if (args[i].len > 0) {
            memcpy(end, args[i].data, args[i].len);
            end += args[i].len;
        }
        *end++ = '\r';
        *end++ = '\n';
    }
    return (size_t)(end - (char *)out);
}
