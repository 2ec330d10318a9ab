#include "core/store/record_words.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/store/layer_words.h"

#define NAME_COLUMNS 80
#define IMPORTED "imported sha256:"

bool record_is_cache_mount(const struct record *record)
{
    return strcmp(record->type, "exec.cachemount") == 0;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

const char *record_text(const struct store *store, const struct record *record)
{
    const char *known = starts_with(record->description, IMPORTED)
                            ? store_layer_text(store, record->created_at)
                            : NULL;
    return known != NULL ? known : record->description;
}

char *record_words(const struct store *store, const struct record *record)
{
    const char *text = record_text(store, record);
    char *words = layer_words(text);
    if (words != NULL)
        return words;
    if (starts_with(text, IMPORTED))
        return mem_printf("a step imported from a cache (%.19s)", text + strlen("imported "));
    if (strcmp(record->type, "regular") == 0)
        return mem_strdup("a layer of a base image");
    return mem_printf("a %.40s record", record->type);
}

char *record_name(const struct store *store, const struct record *record)
{
    char *words = record_words(store, record);
    char *name = text_shorten(words, NAME_COLUMNS);
    free(words);
    return name;
}

/* As the record of that step says it, so that both come to the same words. */
char *record_step_words(const char *instruction)
{
    struct buf description = {0};
    if (starts_with(instruction, "RUN ")) {
        instruction += strlen("RUN ");
        while (starts_with(instruction, "--")) {
            instruction += strcspn(instruction, " ");
            instruction += strspn(instruction, " ");
        }
        buf_append_str(&description, LAYER_STEP);
    }
    buf_append_str(&description, instruction);
    char *words = layer_words(description.data);
    buf_done(&description);
    return words != NULL ? words : mem_strdup("");
}
