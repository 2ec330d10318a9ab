/* bilge doctor: what is odd about this machine, its builders and its caches. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/session.h"
#include "core/base/mem.h"
#include "core/base/text.h"

struct examination {
    const struct globals *globals;
    struct session session;
    bool done;
    enum doctor_severity worst;
};

static void print_clean(const char *before, const char *text)
{
    struct buf clean = {0};
    text_clean(&clean, text, strlen(text));
    printf("%s%s\n", before, clean.data != NULL ? clean.data : "");
    buf_done(&clean);
}

static void report_text(const struct doctor_report *report)
{
    for (size_t i = 0; i < report->len; i++) {
        const struct doctor_finding *finding = &report->items[i];
        char head[64];
        snprintf(head, sizeof head, "%-7s  %-16s  ", doctor_severity_name(finding->severity),
                 finding->id);
        print_clean(head, finding->text);
        if (finding->fix != NULL)
            print_clean("                           fix: ", finding->fix);
    }
}

static void report_json(const struct doctor_report *report)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_array(&json, "checks");
    for (size_t i = 0; i < report->len; i++) {
        json_put_object(&json, NULL);
        json_put_text(&json, "id", report->items[i].id);
        json_put_text(&json, "severity", doctor_severity_name(report->items[i].severity));
        json_put_text(&json, "text", report->items[i].text);
        json_put_text(&json, "fix", report->items[i].fix);
        json_put_object_end(&json);
    }
    json_put_array_end(&json);
    json_put_object_end(&json);
    putchar('\n');
}

static void on_examined(void *arg, struct doctor_report *report)
{
    struct examination *exam = arg;
    if (exam->globals->json)
        report_json(report);
    else
        report_text(report);
    exam->worst = report->worst;
    exam->done = true;
    doctor_report_done(report);
}

static bool is_done(void *arg)
{
    const struct examination *exam = arg;
    return exam->done;
}

static enum exit_code examine(struct examination *exam)
{
    struct session *session = &exam->session;
    struct err err;
    session_patience(session, exam->globals, false);
    if (session_settle(session, &err) < 0 ||
        bilge_examine(session->bilge, on_examined, exam, &err) < 0)
        return complain_err(&err);
    if (session_wait(session, is_done, exam, 0) == SESSION_INTERRUPTED) {
        bilge_examine_forget(session->bilge);
        return EXIT_INTERRUPTED;
    }
    return exam->worst >= DOCTOR_WARNING ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    struct examination exam = {.globals = globals};
    struct bilge_options options = globals_options(globals);
    struct err err;
    (void)values;
    (void)operands;
    if (session_open(&exam.session, &options, &err) < 0)
        return complain_err(&err);
    enum exit_code code = examine(&exam);
    session_close(&exam.session);
    return code;
}

static const struct option_spec no_options[] = {{0}};

const struct command command_doctor = {
    .name = "doctor",
    .summary = "Check machine, builders and caches, and say what to do.",
    .details = "The exit status is 1 when there is a warning or worse; notes do not count.\n",
    .options = no_options,
    .run = run,
};
