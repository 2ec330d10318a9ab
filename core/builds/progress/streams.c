#include "core/builds/progress/streams.h"

struct target {
    struct streams *streams;
    int stream;
};

static void on_line(void *arg, const char *line, size_t len)
{
    const struct target *target = arg;
    struct streams *streams = target->streams;
    streams->on_line(streams->arg, target->stream, line, len,
                     streams->lines[target->stream == 2].continues);
}

void streams_init(struct streams *streams, streams_cb *on_line_cb, void *arg)
{
    streams->on_line = on_line_cb;
    streams->arg = arg;
    for (int i = 0; i < 2; i++)
        lines_init(&streams->lines[i], STREAMS_LINE_MAX_BYTES);
}

void streams_done(struct streams *streams)
{
    for (int i = 0; i < 2; i++)
        lines_done(&streams->lines[i]);
}

void streams_feed(struct streams *streams, int stream, const char *data, size_t len)
{
    struct target target = {streams, stream};
    lines_feed(&streams->lines[stream == 2], data, len, on_line, &target);
}

void streams_end(struct streams *streams)
{
    for (int i = 0; i < 2; i++) {
        struct target target = {streams, i + 1};
        lines_end(&streams->lines[i], on_line, &target);
    }
}
