#include "core/prune/record_words.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"

#define NAME_COLUMNS 80
/* Longer descriptions are cut before they are worked on. */
#define TEXT_MAX 2000

#define STEP "mount / from exec "
#define SHELL "/bin/sh -c "
#define MOUNT "cached mount "
#define FROM " from exec "
#define IMPORTED "imported sha256:"

bool record_is_cache_mount(const struct record *record)
{
    return strcmp(record->type, "exec.cachemount") == 0;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A Dockerfile's continued lines leave long gaps behind. */
static void append_squeezed(struct buf *buf, const char *text)
{
    for (size_t i = 0; text[i] != '\0' && i < TEXT_MAX; i++) {
        bool blank = strchr(" \t\r\n", text[i]) != NULL;
        if (!blank)
            buf_append(buf, &text[i], 1);
        else if (i > 0 && strchr(" \t\r\n", text[i - 1]) == NULL)
            buf_append(buf, " ", 1);
    }
}

static void append_run(struct buf *buf, const char *command)
{
    buf_append_str(buf, "RUN ");
    append_squeezed(buf, starts_with(command, SHELL) ? command + strlen(SHELL) : command);
}

static void append_mount(struct buf *buf, const char *text)
{
    const char *from = strstr(text, FROM);
    buf_append_str(buf, "cache mount ");
    if (from == NULL) {
        append_squeezed(buf, text);
        return;
    }
    buf_append(buf, text, (size_t)(from - text));
    buf_append_str(buf, " of ");
    append_run(buf, from + strlen(FROM));
}

static const char *text_of(const struct store *store, const struct record *record)
{
    const char *known = starts_with(record->description, IMPORTED)
                            ? store_layer_text(store, record->created_at)
                            : NULL;
    return known != NULL ? known : record->description;
}

char *record_name(const struct store *store, const struct record *record)
{
    const char *text = text_of(store, record);
    struct buf name = {0};
    if (starts_with(text, STEP))
        append_run(&name, text + strlen(STEP));
    else if (starts_with(text, MOUNT))
        append_mount(&name, text + strlen(MOUNT));
    else if (starts_with(text, IMPORTED))
        buf_printf(&name, "a step imported from a cache (%.19s)", text + strlen("imported "));
    else if (text[0] != '\0')
        append_squeezed(&name, text);
    else if (strcmp(record->type, "regular") == 0)
        buf_append_str(&name, "a layer of a base image");
    else
        buf_printf(&name, "a %.40s record", record->type);
    char *clean = plan_clean(name.data != NULL ? name.data : "", NAME_COLUMNS);
    buf_done(&name);
    return clean;
}

char *record_step_name(const char *instruction)
{
    struct buf name = {0};
    if (starts_with(instruction, "RUN ")) {
        const char *command = instruction + strlen("RUN ");
        while (starts_with(command, "--")) {
            command += strcspn(command, " ");
            command += strspn(command, " ");
        }
        append_run(&name, command);
    } else {
        append_squeezed(&name, instruction);
    }
    char *clean = plan_clean(name.data != NULL ? name.data : "", NAME_COLUMNS);
    buf_done(&name);
    return clean;
}

char *record_loses(const struct store *store, const struct record *record)
{
    static const struct {
        const char *type, *text;
    } table[] = {
        {"exec.cachemount", "the content of this cache mount: no export has it"},
        {"source.local", "the next build sends these files to the engine again"},
        {"source.git.checkout", "the next build fetches this repository again"},
        {"frontend", "the next build loads the Dockerfile frontend again"},
        {"internal", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(record->type, table[i].type) == 0)
            return table[i].text != NULL ? mem_strdup(table[i].text) : NULL;
    if (record->description[0] == '\0')
        return mem_strdup("the next build unpacks this layer of a base image again");
    char *name = record_name(store, record);
    char *text = mem_printf("this step runs again: %s", name);
    free(name);
    return text;
}
