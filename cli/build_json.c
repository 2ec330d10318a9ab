#include "cli/build_json.h"

#include <stdio.h>

#include "cli/json.h"

static void services_json(struct json *json, const struct store *store, const struct build *build)
{
    json_put_array(json, "services");
    for (size_t i = 0; i < build->services_len; i++)
        json_put_text(json, NULL, build->services[i]);
    for (size_t i = 0;
         build->services_len == 0 && store->project != NULL && i < store->project->services_len;
         i++)
        json_put_text(json, NULL, store->project->services[i].name);
    json_put_array_end(json);
}

static void step_json(struct json *json, const struct step *step)
{
    json_put_object(json, NULL);
    json_put_int(json, "number", step->number);
    json_put_text(json, "name", step->name);
    json_put_text(json, "service", step->service);
    json_put_text(json, "stage", step->stage);
    json_put_int(json, "index", step->index);
    json_put_int(json, "total", step->total);
    json_put_text(json, "instruction", step->instruction);
    json_put_bool(json, "internal", step->internal);
    json_put_text(json, "state", step_state_name(step->state));
    json_put_int(json, "duration_ms", step->duration_ms);
    json_put_int(json, "warnings", (int64_t)step->warnings);
    json_put_text(json, "error", step->error);
    json_put_object_end(json);
}

static void remarks_json(struct json *json, const struct build *build)
{
    json_put_array(json, "warnings");
    for (size_t i = 0; i < build->warnings_len; i++) {
        const struct build_warning *warning = &build->warnings[i];
        json_put_object(json, NULL);
        json_put_int(json, "step", warning->step);
        json_put_text(json, "text", warning->text);
        json_put_text(json, "url", warning->url);
        json_put_text(json, "file", warning->file);
        json_put_int(json, "line", warning->line);
        json_put_object_end(json);
    }
    json_put_array_end(json);
    json_put_object(json, "excerpt");
    json_put_int(json, "step", build->excerpt.step);
    json_put_text(json, "file", build->excerpt.file);
    json_put_int(json, "line", build->excerpt.line);
    json_put_text(json, "text", build->excerpt.text);
    json_put_object_end(json);
}

void build_print_json(const struct store *store, const struct build *build)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    services_json(&json, store, build);
    json_put_text(&json, "command", build->command);
    json_put_text(&json, "way", build->traditional ? "traditional" : "optimised");
    json_put_text(&json, "why", build->way);
    json_put_text(&json, "state", build_state_name(build->state));
    json_put_int(&json, "exit_status", build->exit_status);
    json_put_time(&json, "started_at", build->started_at);
    json_put_int(&json, "duration_ms", build->duration_ms);
    json_put_array(&json, "steps");
    for (size_t i = 0; i < build->steps_len; i++)
        step_json(&json, &build->steps[i]);
    json_put_array_end(&json);
    remarks_json(&json, build);
    json_put_text(&json, "error", build->error);
    const struct diagnosis *diagnosis = build->diagnosis;
    json_put_text(&json, "diagnosis", diagnosis != NULL ? diagnosis->name : NULL);
    json_put_text(&json, "cause", diagnosis != NULL ? diagnosis->cause : NULL);
    json_put_text(&json, "fix", diagnosis != NULL ? diagnosis->fix : NULL);
    json_put_object_end(&json);
    putchar('\n');
}
