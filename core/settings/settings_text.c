/* Settings as text: what may stand there, and what does. */
#include <string.h>

#include "core/settings/settings.h"

struct unit {
    int64_t factor;
    const char *name;
};

/* The largest unit that it is a whole number of. */
static void append_number(struct buf *buf, int64_t number, const struct unit *units, size_t len)
{
    size_t i = 0;
    while (i < len && (number < units[i].factor || number % units[i].factor != 0))
        i++;
    int64_t factor = i < len ? units[i].factor : 1;
    buf_printf(buf, "%lld%s", (long long)(number / factor), i < len ? units[i].name : "");
}

static void append_size(struct buf *buf, int64_t bytes)
{
    static const struct unit units[] = {
        {INT64_C(1) << 40, "TiB"}, {1000000000000, "TB"}, {INT64_C(1) << 30, "GiB"},
        {1000000000, "GB"},        {INT64_C(1) << 20, "MiB"}, {1000000, "MB"},
        {INT64_C(1) << 10, "KiB"}, {1000, "kB"}, {1, "B"},
    };
    append_number(buf, bytes, units, sizeof units / sizeof units[0]);
}

static void append_age(struct buf *buf, int64_t seconds)
{
    static const struct unit units[] = {
        {INT64_C(7) * 24 * 3600, "w"}, {INT64_C(24) * 3600, "d"}, {3600, "h"}, {60, "m"}, {1, "s"},
    };
    append_number(buf, seconds, units, sizeof units / sizeof units[0]);
}

static void append_level(struct buf *buf, const struct level *level)
{
    if (level->used_percent > 0)
        buf_printf(buf, "%d%%", level->used_percent);
    else
        append_size(buf, level->free_bytes);
}

static const void *slot_of(const struct settings *settings, const struct setting *setting)
{
    return (const char *)settings + setting->offset;
}

size_t setting_values(const struct settings *settings, const struct setting *setting)
{
    if (setting_is_list(setting))
        return ((const struct settings_list *)slot_of(settings, setting))->len;
    return setting->fallback != NULL || settings_is_given(settings, setting) ? 1 : 0;
}

void setting_append_value(const struct settings *settings, const struct setting *setting,
                          size_t index, struct buf *buf)
{
    const void *slot = slot_of(settings, setting);
    switch (setting->kind) {
    case SETTING_FLAG:
        buf_append_str(buf, *(const bool *)slot ? "yes" : "no");
        break;
    case SETTING_CHOICE:
        buf_append_str(buf, setting->choices[*(const int *)slot]);
        break;
    case SETTING_COUNT:
        buf_printf(buf, "%lld", (long long)*(const int64_t *)slot);
        break;
    case SETTING_SIZE:
        append_size(buf, *(const int64_t *)slot);
        break;
    case SETTING_AGE:
        append_age(buf, *(const int64_t *)slot);
        break;
    case SETTING_LEVEL:
        append_level(buf, slot);
        break;
    default:
        buf_append_str(buf, ((const struct settings_list *)slot)->items[index]);
    }
}

static void append_range(struct buf *buf, const struct setting *setting)
{
    buf_append_str(buf, ", ");
    if (setting->kind == SETTING_SIZE)
        append_size(buf, setting->min);
    else if (setting->kind == SETTING_AGE)
        append_age(buf, setting->min);
    else
        buf_printf(buf, "%lld", (long long)setting->min);
    if (setting->max == INT64_MAX) {
        buf_append_str(buf, " or more");
        return;
    }
    buf_append_str(buf, " to ");
    if (setting->kind == SETTING_SIZE)
        append_size(buf, setting->max);
    else if (setting->kind == SETTING_AGE)
        append_age(buf, setting->max);
    else
        buf_printf(buf, "%lld", (long long)setting->max);
}

void setting_append_form(const struct setting *setting, struct buf *buf)
{
    static const char *const forms[] = {
        [SETTING_FLAG] = "yes|no",      [SETTING_COUNT] = "N",
        [SETTING_SIZE] = "SIZE",        [SETTING_AGE] = "AGE",
        [SETTING_LEVEL] = "N%|SIZE",    [SETTING_DIRECTORIES] = "DIR",
        [SETTING_WORDS] = "NAME",       [SETTING_ASSIGNMENTS] = "NAME=VALUE",
    };
    if (setting->kind != SETTING_CHOICE) {
        buf_append_str(buf, forms[setting->kind]);
        if (setting->min < setting->max)
            append_range(buf, setting);
        return;
    }
    for (size_t i = 0; setting->choices[i] != NULL; i++)
        buf_printf(buf, "%s%s", i > 0 ? "|" : "", setting->choices[i]);
}
