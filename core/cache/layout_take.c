#include "core/cache/layout_take.h"

#include "core/base/clock.h"
#include "core/cache/layout.h"

int layout_begin(struct pull *json, const char *text, size_t len, struct err *err)
{
    if (len > LAYOUT_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "it is larger than %d MiB", LAYOUT_MAX_BYTES >> 20);
    pull_init(json, text, len);
    enum pull_kind kind = pull_kind(json);
    if (pull_ended(json))
        return err_set(err, ERR_FORMAT, "it is empty");
    if (kind != PULL_OBJECT)
        return err_set(err, ERR_FORMAT, "it is no JSON object");
    pull_enter(json);
    return 0;
}

int layout_bad_json(struct err *err)
{
    return err_set(err, ERR_FORMAT, "it is no valid JSON (cut short, or nested too deeply)");
}

bool layout_is_next(struct pull *json, enum pull_kind wanted)
{
    if (pull_kind(json) == wanted)
        return true;
    pull_skip(json);
    return false;
}

int64_t layout_take_time(struct pull *json)
{
    char text[64];
    int64_t at = 0;
    if (!layout_is_next(json, PULL_STRING))
        return 0;
    struct pull_text string = pull_string(json);
    if (pull_copy(&string, text, sizeof text))
        clock_parse(text, &at);
    return at;
}

bool layout_take_digest(struct pull *json, struct digest *ret_digest)
{
    char text[DIGEST_TEXT_SIZE + 1];
    if (!layout_is_next(json, PULL_STRING))
        return false;
    struct pull_text string = pull_string(json);
    return pull_copy(&string, text, sizeof text) && digest_parse(text, ret_digest);
}
