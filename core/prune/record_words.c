#include "core/prune/record_words.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/prune/planner.h"
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
    char *words = layer_words(text), *name = words;
    if (words == NULL && starts_with(text, IMPORTED))
        name = mem_printf("a step imported from a cache (%.19s)", text + strlen("imported "));
    else if (words == NULL && strcmp(record->type, "regular") == 0)
        name = mem_strdup("a layer of a base image");
    else if (words == NULL)
        name = mem_printf("a %.40s record", record->type);
    char *clean = plan_clean(name, NAME_COLUMNS);
    free(name);
    return clean;
}

/* As the record of that step says it, so that both come to the same words. */
char *record_step_name(const char *instruction)
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
    char *clean = plan_clean(words != NULL ? words : "", NAME_COLUMNS);
    buf_done(&description);
    free(words);
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
