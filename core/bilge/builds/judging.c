/* What the history says of a build that is over: held against earlier ones of
 * the same service, and against the files of its context. On the pool. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/bilge/builds/judging.h"
#include "core/builds/build.h"
#include "core/builds/changed.h"
#include "core/history/build_kind.h"

/* Failed and called off builds may stand between two that say something. */
#define BACK_MAX 30

static bool is_traditional(const struct history_build *row)
{
    return row->tools != NULL && strstr(row->tools, "traditional") != NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The two ways name the same base image differently, so they are not compared;
 * a benchmark changes files of its own. */
static bool is_comparable(const struct history_build *row, const struct history_build *earlier)
{
    return !history_build_is_bench(earlier) && same_text(row->project, earlier->project) &&
           is_traditional(row) == is_traditional(earlier);
}

static bool has_run(const struct history_build *build, const char *instruction)
{
    for (size_t i = 0; i < build->steps_len; i++)
        if ((build->steps[i].state == STEP_DONE || build->steps[i].state == STEP_CACHED) &&
            strcmp(build->steps[i].instruction, instruction) == 0)
            return true;
    return false;
}

/* Names what changed since a build last took these files. */
static void name_files(struct history_build *row, const struct history_build *earlier, size_t len,
                       const char *context)
{
    static const char copied[] = "what it copies changed: ";
    if (row->why == NULL || strncmp(row->why, copied, sizeof copied - 1) != 0 || context == NULL)
        return;
    for (size_t i = 0; i < len; i++) {
        if (!is_comparable(row, &earlier[i]) || !has_run(&earlier[i], row->first_miss))
            continue;
        char *files = changed_files(context, row->first_miss, earlier[i].started_at);
        char *why = files != NULL ? mem_printf("%s (%s)", row->why, files) : NULL;
        if (why != NULL)
            mem_replace(&row->why, why);
        free(why);
        free(files);
        return;
    }
}

void judge_build(struct history *history, struct history_build *row, const char *context,
                 bool no_cache)
{
    struct history_build *earlier = NULL;
    const struct history_build *before = NULL;
    size_t len = 0;
    if (history_builds(history, row->service, BACK_MAX, &earlier, &len, NULL) < 0)
        len = 0;
    for (size_t i = 0; i < len; i++)
        history_read_steps(history, &earlier[i], NULL);
    for (size_t i = 0; i < len && before == NULL; i++)
        if (earlier[i].state == BUILD_DONE && is_comparable(row, &earlier[i]))
            before = &earlier[i];
    build_kind_fill(row, before);
    name_files(row, earlier, len, context);
    if (no_cache && row->kind != NULL) {
        mem_replace(&row->kind, "from scratch");
        mem_replace(&row->why, "--no-cache was asked for");
    }
    history_builds_free(earlier, len);
}

/* FNV-1a: enough to see that a value has changed. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

static bool sets(const char *arg, const char *name)
{
    size_t len = strlen(name);
    return strncmp(arg, name, len) == 0 && (arg[len] == '=' || arg[len] == '\0');
}

static bool is_set_again(const char *name, const struct strlist *given, size_t from)
{
    for (size_t i = from; i < given->len; i++)
        if (sets(given->items[i], name))
            return true;
    return false;
}

static void add_hash(struct buf *text, const char *name, const char *value)
{
    buf_printf(text, "%s=%016llx\n", name, (unsigned long long)hash_of(value));
}

char *judge_args(const struct compose_service *service, const struct strlist *given)
{
    struct buf text = {0};
    for (size_t i = 0; i < service->args_len; i++)
        if (!is_set_again(service->args[i].name, given, 0))
            add_hash(&text, service->args[i].name, service->args[i].value);
    for (size_t i = 0; i < given->len; i++) {
        size_t len = strcspn(given->items[i], "=");
        char *name = mem_strndup(given->items[i], len);
        if (!is_set_again(name, given, i + 1))
            add_hash(&text, name, given->items[i] + len + (given->items[i][len] == '='));
        free(name);
    }
    return buf_take(&text);
}
