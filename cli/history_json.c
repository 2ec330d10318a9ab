#include "cli/history_json.h"

#include <stdlib.h>

#include "cli/json.h"
#include "core/builds/build.h"
#include "core/history/compare.h"

static void put_step(struct json *json, const char *key, const struct history_step *step)
{
    json_put_object(json, key);
    json_put_text(json, "stage", step->stage);
    json_put_text(json, "instruction", step->instruction);
    json_put_bool(json, "internal", step->index == 0);
    json_put_text(json, "state", step_state_name((enum step_state)step->state));
    json_put_int(json, "duration_ms", step->duration_ms);
    json_put_object_end(json);
}

static void put_build(struct json *json, const struct history_build *build)
{
    size_t cached, steps = history_build_steps(build, &cached);
    json_put_object(json, NULL);
    json_put_int(json, "id", build->id);
    json_put_text(json, "project", build->project);
    json_put_text(json, "service", build->service);
    json_put_text(json, "state", build_state_name((enum build_state)build->state));
    json_put_int(json, "exit_status", build->exit_status);
    json_put_time(json, "started_at", build->started_at);
    json_put_int(json, "duration_ms", build->duration_ms);
    json_put_text(json, "kind", build->kind);
    json_put_text(json, "first_miss", build->first_miss);
    json_put_text(json, "why", build->why);
    json_put_text(json, "error", build->error);
    json_put_int(json, "steps_over", (int64_t)steps);
    json_put_int(json, "steps_cached", (int64_t)cached);
    json_put_int(json, "added_bytes", build->added_bytes);
    json_put_text(json, "tools", build->tools);
    json_put_text(json, "by", build->ref != NULL ? "engine" : "bilge");
    json_put_text(json, "ref", build->ref);
    json_put_array(json, "steps");
    for (size_t i = 0; i < build->steps_len; i++)
        put_step(json, NULL, &build->steps[i]);
    json_put_array_end(json);
    json_put_object_end(json);
}

void history_print_json(const struct history_build *builds, size_t len)
{
    struct json json = {.out = stdout};
    struct history_median *medians;
    size_t medians_len;
    history_medians(builds, len, &medians, &medians_len);
    json_put_object(&json, NULL);
    json_put_array(&json, "builds");
    for (size_t i = 0; i < len; i++)
        put_build(&json, &builds[i]);
    json_put_array_end(&json);
    json_put_array(&json, "medians");
    for (size_t i = 0; i < medians_len; i++) {
        json_put_object(&json, NULL);
        json_put_text(&json, "service", medians[i].service);
        json_put_text(&json, "kind", medians[i].kind);
        json_put_int(&json, "builds", (int64_t)medians[i].builds);
        json_put_int(&json, "duration_ms", medians[i].duration_ms);
        json_put_object_end(&json);
    }
    json_put_array_end(&json);
    json_put_object_end(&json);
    putchar('\n');
    free(medians);
}

void history_print_comparison_json(const struct history_build *first,
                                   const struct history_build *second)
{
    struct json json = {.out = stdout};
    struct history_pair *pairs;
    size_t len;
    history_compare(first, second, &pairs, &len);
    json_put_object(&json, NULL);
    json_put_array(&json, "builds");
    put_build(&json, first);
    put_build(&json, second);
    json_put_array_end(&json);
    char *summary = history_summary(first, second, pairs, len);
    json_put_text(&json, "summary", summary);
    free(summary);
    json_put_array(&json, "steps");
    for (size_t i = 0; i < len; i++) {
        json_put_object(&json, NULL);
        if (pairs[i].first != NULL)
            put_step(&json, "first", pairs[i].first);
        else
            json_put_text(&json, "first", NULL);
        if (pairs[i].second != NULL)
            put_step(&json, "second", pairs[i].second);
        else
            json_put_text(&json, "second", NULL);
        json_put_int(&json, "change_ms", history_pair_change_ms(&pairs[i]));
        json_put_object_end(&json);
    }
    json_put_array_end(&json);
    json_put_object_end(&json);
    putchar('\n');
    free(pairs);
}
