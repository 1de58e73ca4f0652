/* What a frame says: names and comparisons. Not for: reading it (resp.c, resp_whole.c). */
#include "redis/resp.h"

#include <string.h>

const char *resp_type_name(enum resp_type type)
{
    static const char *const names[] = {"string", "status", "error", "integer", "nil", "array"};

    return names[type];
}

bool resp_frame_says(const struct resp_frame *frame, size_t index, const char *text)
{
    return index < frame->count && index < RESP_VALUES_MAX &&
           slice_equal_text(frame->values[index].text, text);
}

bool resp_frame_is_error(const struct resp_frame *frame, const char *code)
{
    struct slice text = frame->values[0].text;
    size_t len = strlen(code);

    return frame->type == RESP_ERROR && text.len >= len && memcmp(text.data, code, len) == 0 &&
           (text.len == len || text.data[len] == ' ');
}
