/* What the tool prints: through the parser into the log, and on to whoever
 * wants to read it. When the log's file is slower than the tool, the tool waits. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/build/run/runner_private.h"

/* The parser has made lines for people: hands on those that are new. */
static void show_lines(void *arg)
{
    struct runner *runner = arg;
    struct buildlog_line line;
    struct buf text = {0};
    uint64_t end = buildlog_end(runner->build->log);
    for (; runner->shown < end; runner->shown++) {
        if (buildlog_get(runner->build->log, runner->shown, &line) < 0)
            continue;
        buf_append(&text, line.text, line.len);
        buf_append(&text, "\n", 1);
    }
    if (text.len > 0)
        runner->ops->on_output(runner->arg, text.data, text.len);
    buf_done(&text);
}

/* Not the tool's own output, but the lines that the parser made of it? */
static bool wants_lines(const struct runner *runner)
{
    return runner->ops->on_output != NULL && !runner->progress_ops->readable;
}

static void on_room(void *arg)
{
    struct runner *runner = arg;
    if (!runner->paused)
        return;
    runner->paused = false;
    process_resume(runner->process);
}

/* The best that the tool can do. With rawjson, compose must be left to choose
 * by itself, for it does not know that word; and "never" for ANSI, too, would
 * mean plain to it. */
void runner_output_open(struct runner *runner)
{
    bool traditional = runner->spec.traditional;
    bool rawjson = tool_knows_rawjson(&runner->tool) && !traditional;
    runner->progress_ops = traditional ? &progress_legacy
                           : rawjson   ? &progress_rawjson
                                       : &progress_plain;
    strlist_add(&runner->environment,
              rawjson ? "BUILDKIT_PROGRESS=rawjson" : "BUILDKIT_PROGRESS=plain");
    strlist_add(&runner->environment, rawjson ? "COMPOSE_PROGRESS=auto" : "COMPOSE_PROGRESS=plain");
    strlist_add(&runner->environment, rawjson ? "COMPOSE_ANSI=auto" : "COMPOSE_ANSI=never");
    runner->progress = runner->progress_ops->open(runner->build);
    buildlog_on_room(runner->build->log, on_room, runner);
    if (wants_lines(runner))
        buildlog_on_full(runner->build->log, show_lines, runner);
}

void runner_output_feed(void *arg, enum process_stream stream, const char *data, size_t len)
{
    struct runner *runner = arg;
    runner->progress_ops->feed(runner->progress, (int)stream, data, len, clock_mono_ms());
    if (wants_lines(runner))
        show_lines(runner);
    else if (runner->ops->on_output != NULL)
        runner->ops->on_output(runner->arg, data, len);
    if (buildlog_is_behind(runner->build->log) && !runner->paused) {
        runner->paused = true;
        process_pause(runner->process);
    }
    runner->ops->on_progress(runner->arg);
}

void runner_output_end(struct runner *runner)
{
    if (runner->progress == NULL)
        return;
    runner->progress_ops->end(runner->progress, clock_mono_ms());
    if (wants_lines(runner))
        show_lines(runner);
}

void runner_output_close(struct runner *runner)
{
    if (runner->progress == NULL)
        return;
    buildlog_on_room(runner->build->log, NULL, NULL);
    buildlog_on_full(runner->build->log, NULL, NULL);
    runner->progress_ops->close(runner->progress);
    runner->progress = NULL;
}
