/* A settings file: it is read, or refused with one line that names its place;
 * what was read can be listed, read again, and is the same. */
#undef NDEBUG /* its checks are asserts */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/settings/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct settings *settings, const void *data, size_t size, struct err *err)
{
    FILE *file = size > 0 ? fmemopen((void *)data, size, "r") : fopen("/dev/null", "r");
    assert(file != NULL);
    settings_init(settings);
    int code = settings_parse(settings, file, "file", err);
    fclose(file);
    return code;
}

static void list(const struct settings *settings, struct buf *text)
{
    const char *section = "";
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *setting = &settings_table[i];
        if (strcmp(section, setting->section) != 0)
            buf_printf(text, "[%s]\n", setting->section);
        section = setting->section;
        for (size_t k = 0; k < setting_values(settings, setting); k++) {
            buf_printf(text, "%s = ", setting->name);
            setting_append_value(settings, setting, k, text);
            buf_append_str(text, "\n");
        }
    }
}

/* "~/" and blanks may have become more, and then the line too long. */
static int has_long_line(const struct buf *text)
{
    for (const char *line = text->data; *line != '\0'; line += strcspn(line, "\n") + 1)
        if (strcspn(line, "\n") > SETTINGS_LINE_MAX)
            return 1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings, again;
    struct err err = {0};
    if (parse(&settings, data, size, &err) < 0) {
        assert(err.code == ERR_USAGE && strncmp(err.text, "file:", 5) == 0);
        assert(strchr(err.text, '\n') == NULL);
        settings_done(&settings);
        return 0;
    }
    struct buf first = {0}, second = {0};
    list(&settings, &first);
    if (!has_long_line(&first)) {
        assert(parse(&again, first.data, first.len, &err) == 0);
        list(&again, &second);
        assert(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
        settings_done(&again);
    }
    buf_done(&first);
    buf_done(&second);
    settings_done(&settings);
    return 0;
}
