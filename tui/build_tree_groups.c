/* The services of builds, each with what is known of it as a whole. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tui/build_tree_private.h"

/* FNV-1a */
static uint64_t make_key(uint64_t build, const char *service)
{
    uint64_t key = UINT64_C(14695981039346656037) ^ build;
    for (const char *at = service != NULL ? service : ""; *at != '\0'; at++)
        key = (key ^ (unsigned char)*at) * UINT64_C(1099511628211);
    return key;
}

static struct tree_group *put_group(struct build_tree *tree, const struct build *build,
                                    const char *service)
{
    for (size_t i = tree->groups_len; i-- > 0;)
        if (tree->groups[i].build == build->id && tree_is_service(tree->groups[i].service, service))
            return &tree->groups[i];
    mem_reserve((void **)&tree->groups, &tree->groups_cap, tree->groups_len + 1,
                sizeof *tree->groups);
    struct tree_group *group = &tree->groups[tree->groups_len++];
    *group = (struct tree_group){.build = build->id, .key = make_key(build->id, service)};
    mem_replace(&group->service, service);
    return group;
}

static void note_times(struct tree_group *group, const struct step *step)
{
    int64_t start = step->started_mono_ms, end = start + step->duration_ms;
    if (start == 0)
        return;
    if (group->started_ms == 0 || start < group->started_ms)
        group->started_ms = start;
    if (step_is_over(step) && end > group->ended_ms)
        group->ended_ms = end;
}

static void add_groups(struct build_tree *tree, const struct build *build)
{
    size_t first = tree->groups_len;
    for (size_t i = 0; i < build->steps_len; i++) {
        const struct step *step = &build->steps[i];
        struct tree_group *group = put_group(tree, build, step->service);
        note_times(group, step);
        group->cancelled = group->cancelled || step->state == STEP_CANCELLED;
        group->failed = group->failed || step->state == STEP_FAILED;
        group->warnings += step->warnings;
        if (step->state == STEP_RUNNING && (group->running == 0 || !step->internal))
            group->running = step->number;
    }
    if (tree->groups_len == first)
        put_group(tree, build, NULL);
    for (size_t i = first; i < tree->groups_len; i++) {
        struct tree_group *group = &tree->groups[i];
        group->counts = group->service != NULL ? build_count_service(build, group->service)
                                               : (struct build_counts){0};
    }
    if (tree->groups_len == first + 1 && build->state == BUILD_FAILED)
        tree->groups[first].failed = true;
}

/* Of one build by name, so that no row jumps when another service moves first. */
static int compare_groups(const void *left, const void *right)
{
    const struct tree_group *a = left, *b = right;
    if (a->build != b->build)
        return a->build < b->build ? -1 : 1;
    return strcmp(a->service != NULL ? a->service : "", b->service != NULL ? b->service : "");
}

/* Brings those for which it is so to the front. */
static void bring_forward(struct build_tree *tree, bool (*is_so)(const struct tree_group *group))
{
    size_t at = 0;
    for (size_t i = 0; i < tree->groups_len; i++) {
        struct tree_group group = tree->groups[i];
        if (!is_so(&group))
            continue;
        memmove(&tree->groups[at + 1], &tree->groups[at], (i - at) * sizeof group);
        tree->groups[at++] = group;
    }
}

static bool has_service(const struct tree_group *group)
{
    return group->service != NULL;
}

static bool has_failed(const struct tree_group *group)
{
    return group->failed;
}

void tree_fill_groups(struct build_tree *tree, const struct build *const *builds, size_t len)
{
    for (size_t i = 0; i < tree->groups_len; i++)
        free(tree->groups[i].service);
    tree->groups_len = 0;
    for (size_t i = 0; i < len; i++)
        add_groups(tree, builds[i]);
    if (tree->groups_len > 1)
        qsort(tree->groups, tree->groups_len, sizeof *tree->groups, compare_groups);
    /* Failed ones first, bake's own steps last. */
    bring_forward(tree, has_service);
    bring_forward(tree, has_failed);
    for (size_t i = 0; i < tree->groups_len; i++)
        tree->groups[i].headed = tree->groups_len > 1;
}
