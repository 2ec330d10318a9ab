/* bilge history: the builds that bilge ran, how long they took, and why. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/table.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/bilge.h"
#include "core/builds/build.h"
#include "core/history/compare.h"
#include "core/history/engine_builds.h"
#include "core/history/history.h"

/* The JSON of `bilge history`; its shape is in the manual page. */

static void history_print_json(const struct history_build *builds, size_t len);
static void history_print_comparison_json(const struct history_build *first,
                                          const struct history_build *second);

#define LIMIT_DEFAULT 50
#define NOISE_MS 50 /* a change below it would show as 0.0 s */

struct history_values {
    bool compare, csv, own;
    struct option_number limit;
};

static const char *state_of(const struct history_build *build)
{
    return build_state_name((enum build_state)build->state);
}

/* ----------------------------------------------------------------- text */

static const struct table_column list_columns[] = {
    {"ID", true},     {"SERVICE", false}, {"AGE", true},   {"RESULT", false}, {"TIME", true},
    {"CACHED", true}, {"ADDED", true},    {"KIND", false}, {"WHY", false},    {NULL, false},
};

static void print_list(const struct history_build *builds, size_t len)
{
    struct table *table = table_new(list_columns);
    int64_t now = clock_now();
    for (size_t i = 0; i < len; i++) {
        const struct history_build *build = &builds[i];
        char text[64];
        size_t cached, steps = history_build_steps(build, &cached);
        if (build->ref == NULL)
            table_count(table, (uint64_t)build->id);
        else
            table_text(table, NULL);
        table_text(table, build->service);
        table_age(table, build->started_at, now);
        table_text(table, state_of(build));
        table_text(table, text_duration(text, build->duration_ms));
        snprintf(text, sizeof text, "%zu/%zu", cached, steps);
        table_text(table, steps > 0 ? text : NULL);
        if (build->added_bytes >= 0)
            table_size(table, build->added_bytes);
        else
            table_text(table, NULL);
        table_text(table, build->ref != NULL ? "not run by bilge" : build->kind);
        table_text(table, build->error != NULL ? build->error : build->why);
    }
    table_print(table, table_terminal_columns(stdout), stdout);
    table_free(table);
}

static const struct table_column median_columns[] = {
    {"SERVICE", false}, {"KIND", false}, {"BUILDS", true}, {"MEDIAN", true}, {NULL, false},
};

static void print_medians(const struct history_build *builds, size_t len)
{
    struct history_median *medians;
    size_t medians_len;
    char text[TEXT_AGE_SIZE];
    history_medians(builds, len, &medians, &medians_len);
    struct table *table = table_new(median_columns);
    for (size_t i = 0; i < medians_len; i++) {
        table_text(table, medians[i].service);
        table_text(table, medians[i].kind);
        table_count(table, medians[i].builds);
        table_text(table, text_duration(text, medians[i].duration_ms));
    }
    if (medians_len > 0) {
        puts("");
        table_print(table, table_terminal_columns(stdout), stdout);
    }
    table_free(table);
    free(medians);
}

/* ------------------------------------------------------------------ csv */

/* RFC 4180; a spreadsheet takes a leading '=', '+', '-' or '@' for a formula. */
static void csv_text(const char *text)
{
    struct buf clean = {0};
    text = text != NULL ? text : "";
    text_clean(&clean, text, strlen(text));
    fputs(strchr("=+-@", text[0]) != NULL && text[0] != '\0' ? "\"'" : "\"", stdout);
    for (const char *at = clean.len > 0 ? clean.data : ""; *at != '\0'; at++) {
        if (*at == '"')
            putchar('"');
        putchar(*at);
    }
    putchar('"');
    buf_done(&clean);
}

static void print_csv(const struct history_build *builds, size_t len)
{
    puts("id,service,started_at,state,duration_ms,steps,cached,added_bytes,kind,first_miss,why,"
         "error,tools,by");
    for (size_t i = 0; i < len; i++) {
        const struct history_build *build = &builds[i];
        const char *const texts[] = {build->kind, build->first_miss, build->why, build->error,
                                     build->tools};
        char at[CLOCK_TEXT_SIZE];
        size_t cached, steps = history_build_steps(build, &cached);
        printf("%lld,", (long long)build->id);
        csv_text(build->service);
        printf(",%s,%s,%lld,%zu,%zu,", clock_rfc3339(at, build->started_at), state_of(build),
               (long long)build->duration_ms, steps, cached);
        if (build->added_bytes >= 0)
            printf("%lld", (long long)build->added_bytes);
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            putchar(',');
            csv_text(texts[j]);
        }
        fputs(build->ref != NULL ? ",engine" : ",bilge", stdout);
        putchar('\n');
    }
}

/* -------------------------------------------------------------- compare */

static const struct table_column compare_columns[] = {
    {"STAGE", false}, {"STEP", false},  {"FIRST", true},
    {"SECOND", true}, {"CHANGE", true}, {NULL, false},
};

static const char *said(char out[TEXT_AGE_SIZE], const struct history_step *step)
{
    if (step == NULL)
        return NULL;
    if (step->state == STEP_CACHED)
        return "cached";
    return step->state == STEP_FAILED ? "failed" : text_duration(out, step->duration_ms);
}

static void print_heading(const char *which, const struct history_build *build)
{
    char took[TEXT_AGE_SIZE], at[CLOCK_TEXT_SIZE];
    struct buf line = {0};
    buf_printf(&line, "%s: %lld %s, %s, %s in %s", which, (long long)build->id, build->service,
               clock_rfc3339(at, build->started_at), state_of(build),
               text_duration(took, build->duration_ms));
    if (build->kind != NULL)
        buf_printf(&line, ", %s", build->kind);
    if (build->why != NULL)
        buf_printf(&line, ": %s", build->why);
    struct buf clean = {0};
    text_clean(&clean, line.data, line.len);
    puts(clean.data);
    buf_done(&clean);
    buf_done(&line);
}

static void print_summary(const struct history_build *first, const struct history_build *second,
                          const struct history_pair *pairs, size_t len)
{
    char *summary = history_summary(first, second, pairs, len);
    struct buf clean = {0};
    text_clean(&clean, summary, strlen(summary));
    puts(clean.data);
    buf_done(&clean);
    free(summary);
}

static void print_comparison(const struct history_build *first, const struct history_build *second)
{
    struct history_pair *pairs;
    size_t len;
    char took[TEXT_AGE_SIZE], change[TEXT_AGE_SIZE + 1];
    history_compare(first, second, &pairs, &len);
    print_heading("first", first);
    print_heading("second", second);
    print_summary(first, second, pairs, len);
    struct table *table = table_new(compare_columns);
    for (size_t i = 0; i < len; i++) {
        const struct history_step *any = pairs[i].second != NULL ? pairs[i].second : pairs[i].first;
        int64_t more = history_pair_change_ms(&pairs[i]);
        table_text(table, any->stage);
        table_text(table, any->instruction);
        table_text(table, said(took, pairs[i].first));
        table_text(table, said(took, pairs[i].second));
        snprintf(change, sizeof change, "%c%s", more < 0 ? '-' : '+',
                 text_duration(took, more < 0 ? -more : more));
        table_text(table, more > -NOISE_MS && more < NOISE_MS ? NULL : change);
    }
    puts("");
    table_print(table, table_terminal_columns(stdout), stdout);
    table_free(table);
    free(pairs);
}

static int parse_id(const char *text, int64_t *ret_id, struct err *err)
{
    char *end;
    errno = 0;
    long long id = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || id <= 0)
        return err_set(err, ERR_USAGE, "--compare takes the ids of two builds: \"%s\"", text);
    *ret_id = id;
    return 0;
}

static int compare(struct history *history, const struct globals *globals,
                   const struct option_list *operands, struct err *err)
{
    struct history_build builds[2] = {{0}, {0}};
    int64_t ids[2];
    int code = 0;
    if (operands->len != 2)
        return err_set(err, ERR_USAGE, "--compare takes the ids of two builds");
    for (size_t i = 0; i < 2 && code == 0; i++)
        code = parse_id(operands->items[i], &ids[i], err);
    for (size_t i = 0; i < 2 && code == 0; i++)
        code = history_build(history, ids[i], &builds[i], err);
    if (code == 0 && globals->json)
        history_print_comparison_json(&builds[0], &builds[1]);
    else if (code == 0)
        print_comparison(&builds[0], &builds[1]);
    history_build_done(&builds[0]);
    history_build_done(&builds[1]);
    return code;
}

/* ------------------------------------------------------------ not by bilge */

struct elsewhere {
    const char *service; /* NULL: all */
    struct history_build *builds;
    size_t len;
};

static void on_elsewhere(void *arg, struct history_build *builds, size_t len, bool told)
{
    (void)told;
    struct elsewhere *elsewhere = arg;
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        if (elsewhere->service == NULL || strcmp(builds[i].service, elsewhere->service) == 0)
            builds[kept++] = builds[i];
        else
            history_build_done(&builds[i]);
    }
    elsewhere->builds = builds;
    elsewhere->len = kept;
}

/* What can't be asked is not there. */
static void add_elsewhere(const struct globals *globals, const char *service, size_t limit,
                          struct history_build **builds, size_t *len)
{
    struct elsewhere elsewhere = {.service = service};
    struct elsewhere_asking *asking;
    uv_loop_t loop;
    if (uv_loop_init(&loop) < 0)
        return;
    /* Also what could not be started has handles to be closed. */
    bilge_ask_elsewhere(&loop, globals->builder, on_elsewhere, &elsewhere, &asking, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    *builds = engine_builds_merge(*builds, *len, elsewhere.builds, elsewhere.len, limit, len);
}

/* ----------------------------------------------------------------- list */

static int list(struct history *history, const struct globals *globals,
                const struct history_values *values, const char *service, struct err *err)
{
    struct history_build *builds = NULL;
    size_t len = 0;
    size_t limit = values->limit.given ? (size_t)values->limit.value : LIMIT_DEFAULT;
    int code = history_builds(history, service, limit, &builds, &len, err);
    for (size_t i = 0; i < len && code == 0; i++)
        code = history_read_steps(history, &builds[i], err);
    if (code == 0 && !values->own)
        add_elsewhere(globals, service, limit, &builds, &len);
    if (code == 0 && globals->json) {
        history_print_json(builds, len);
    } else if (code == 0 && values->csv) {
        print_csv(builds, len);
    } else if (code == 0 && len > 0) {
        print_list(builds, len);
        print_medians(builds, len);
    } else if (code == 0) {
        puts("No build is remembered yet: bilge build, or b on the screen, runs one.");
    }
    history_builds_free(builds, len);
    return code;
}

static enum exit_code run(const struct globals *globals, const void *option_values,
                          const struct option_list *operands)
{
    const struct history_values *values = option_values;
    struct history *history;
    struct err err;
    if (!values->compare && operands->len > 1)
        err_set(&err, ERR_USAGE, "history takes one service");
    else if (values->csv && (globals->json || values->compare))
        err_set(&err, ERR_USAGE, "--csv goes neither with --json nor with --compare");
    else if (globals->history_path == NULL)
        err_set(&err, -ENOENT, "without a home nothing is remembered");
    else if (history_open(globals->history_path, &history, &err) == 0) {
        int code = values->compare ? compare(history, globals, operands, &err)
                                   : list(history, globals, values,
                                          operands->len > 0 ? operands->items[0] : NULL, &err);
        history_close(history);
        if (code == 0)
            return EXIT_DONE;
    }
    return complain_err(&err);
}

static const struct option_spec history_options[] = {
    {"compare", 0, OPTION_FLAG, offsetof(struct history_values, compare), NULL,
     "compare two builds, given by their ids, step by step"},
    {"limit", 0, OPTION_COUNT, offsetof(struct history_values, limit), "N",
     "the newest N builds (else 50)"},
    {"own", 0, OPTION_FLAG, offsetof(struct history_values, own), NULL,
     "only builds that bilge ran: docker is not asked for others"},
    {"csv", 0, OPTION_FLAG, offsetof(struct history_values, csv), NULL, "as a CSV table"},
    {0},
};

const struct command command_history = {
    .name = "history",
    .operands = "[SERVICE | --compare ID ID]",
    .summary = "List builds, with what made them slow.",
    .options = history_options,
    .values_size = sizeof(struct history_values),
    .run = run,
};

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

static void history_print_json(const struct history_build *builds, size_t len)
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

static void history_print_comparison_json(const struct history_build *first,
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
