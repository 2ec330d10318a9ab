#include "cli/bench_json.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/json.h"

static void put_variant(struct json *json, const struct bench_service *service,
                        enum bench_scenario scenario, enum bench_variant variant)
{
    const struct bench_cell *cell = &service->cells[scenario][variant];
    struct bench_summary summary = bench_summarise(cell);
    json_put_object(json, bench_variant_name(variant));
    json_put_int(json, "min_ms", summary.min_ms);
    json_put_int(json, "median_ms", summary.median_ms);
    json_put_int(json, "max_ms", summary.max_ms);
    json_put_array(json, "runs");
    for (size_t i = 0; i < cell->len; i++) {
        json_put_object(json, NULL);
        json_put_time(json, "started_at", cell->runs[i].started_at);
        json_put_int(json, "duration_ms", cell->runs[i].duration_ms);
        json_put_int(json, "steps_over", (int64_t)cell->runs[i].steps_over);
        json_put_int(json, "steps_cached", (int64_t)cell->runs[i].steps_cached);
        json_put_int(json, "work_cached", (int64_t)cell->runs[i].work_cached);
        json_put_object_end(json);
    }
    json_put_array_end(json);
    json_put_object_end(json);
}

static void put_scenario(struct json *json, const struct bench_service *service,
                         enum bench_scenario scenario)
{
    const struct bench_scenario_words *words = bench_scenario_words(scenario);
    struct bench_gain gain;
    bool known = bench_compare(service, scenario, &gain);
    json_put_object(json, NULL);
    json_put_text(json, "scenario", words->name);
    json_put_int(json, "expected_low_percent", words->expected_low);
    json_put_int(json, "expected_high_percent", words->expected_high);
    put_variant(json, service, scenario, BENCH_ORIGINAL);
    put_variant(json, service, scenario, BENCH_OPTIMISED);
    if (known) {
        json_put_int(json, "ratio_permille", gain.ratio_permille);
        json_put_int(json, "saved_permille", gain.saved_permille);
        json_put_bool(json, "reached", gain.reached);
    } else {
        json_put_text(json, "ratio_permille", NULL);
        json_put_text(json, "saved_permille", NULL);
        json_put_text(json, "reached", NULL);
    }
    json_put_object_end(json);
}

static void put_source(struct json *json, const struct bench_service *service,
                       enum bench_variant variant)
{
    const struct bench_source *source = &service->sources[variant];
    json_put_object(json, bench_variant_name(variant));
    json_put_text(json, "context", source->context);
    json_put_int(json, "context_bytes", source->context_bytes);
    json_put_text(json, "dockerfile", source->dockerfile);
    json_put_text(json, "code_file", source->code_file);
    json_put_text(json, "dependency_file", source->dependency_file);
    json_put_text(json, "dependency", source->dependency);
    json_put_object_end(json);
}

static void put_service(struct json *json, const struct bench *bench,
                        const struct bench_service *service)
{
    json_put_object(json, NULL);
    json_put_text(json, "service", service->name);
    json_put_object(json, "sources");
    put_source(json, service, BENCH_ORIGINAL);
    put_source(json, service, BENCH_OPTIMISED);
    json_put_object_end(json);
    json_put_array(json, "scenarios");
    for (int scenario = 0; scenario < BENCH_SCENARIOS; scenario++)
        if (bench->wanted[scenario])
            put_scenario(json, service, (enum bench_scenario)scenario);
    json_put_array_end(json);
    json_put_object_end(json);
}

void bench_print_json(const struct bench *bench, bool dry_run)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_bool(&json, "dry_run", dry_run);
    json_put_text(&json, "project", bench->project);
    json_put_text(&json, "original", bench->files[BENCH_ORIGINAL]);
    json_put_text(&json, "optimised", bench->files[BENCH_OPTIMISED]);
    json_put_text(&json, "mark", bench->mark);
    json_put_text(&json, "directory", bench->directory);
    json_put_text(&json, "builder", bench->builder);
    json_put_bool(&json, "forgets_steps", bench->forgets_steps);
    json_put_text(&json, "tools", bench->tools);
    json_put_int(&json, "processors", sysconf(_SC_NPROCESSORS_ONLN));
    json_put_int(&json, "runs", (int64_t)bench->rounds);
    json_put_int(&json, "builds", (int64_t)bench_steps(bench));
    json_put_int(&json, "builds_done", (int64_t)bench->next);
    json_put_time(&json, "started_at", bench->started_at);
    json_put_time(&json, "ended_at", bench->ended_at);
    json_put_array(&json, "services");
    for (size_t i = 0; i < bench->services_len; i++)
        put_service(&json, bench, &bench->services[i]);
    json_put_array_end(&json);
    json_put_object(&json, "removed");
    json_put_int(&json, "images", (int64_t)bench->images_removed);
    json_put_int(&json, "records", (int64_t)bench->records_removed);
    json_put_int(&json, "bytes", bench->freed_bytes);
    json_put_object_end(&json);
    json_put_array(&json, "leftovers");
    for (size_t i = 0; i < bench->leftovers_len; i++)
        json_put_text(&json, NULL, bench->leftovers[i].mark);
    json_put_array_end(&json);
    json_put_array(&json, "left");
    for (size_t i = 0; i < bench->left.len; i++)
        json_put_text(&json, NULL, bench->left.items[i]);
    json_put_array_end(&json);
    json_put_text(&json, "error", bench->err.code != 0 ? bench->err.text : NULL);
    json_put_text(&json, "log", bench->log_path);
    json_put_object_end(&json);
    putchar('\n');
}
