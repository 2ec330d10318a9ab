#include "tui/log_draw.h"

#include <stdint.h>
#include <string.h>

#include "core/base/text.h"

/* The line cut into pieces that look alike: it is walked from the left, and
 * each piece ends where the next run, the text or a match begins or ends. */
struct pieces {
    const struct log_line *line;
    const struct log_look *look;
    size_t at, run;
    size_t match, match_end; /* the match under way, or the next one */
};

static void next_match(struct pieces *pieces)
{
    const struct buf *text = &pieces->line->text.text;
    const char *sought = pieces->look->sought;
    const char *found = sought != NULL ? log_find_text(text->data, text->len, pieces->match_end,
                                                       sought, pieces->look->exact_case)
                                       : NULL;
    pieces->match = found != NULL ? (size_t)(found - text->data) : SIZE_MAX;
    pieces->match_end = found != NULL ? pieces->match + strlen(sought) : SIZE_MAX;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Where the piece that begins at pieces->at ends. */
static size_t end_of_piece(struct pieces *pieces)
{
    const struct sgr_line *text = &pieces->line->text;
    size_t end = text->text.len;
    while (pieces->run + 1 < text->runs_len && text->runs[pieces->run + 1].start <= pieces->at)
        pieces->run++;
    if (pieces->run + 1 < text->runs_len)
        end = least(end, text->runs[pieces->run + 1].start);
    if (pieces->at < pieces->line->prefix)
        end = least(end, pieces->line->prefix);
    if (pieces->at >= pieces->match_end)
        next_match(pieces);
    return least(end, pieces->at < pieces->match ? pieces->match : pieces->match_end);
}

static enum style style_of(const struct pieces *pieces)
{
    static const enum style styles[] = {
        [LOG_OTHER] = STYLE_NORMAL,  [LOG_NAME] = STYLE_BOLD,    [LOG_EVENT] = STYLE_DIM,
        [LOG_OUTPUT] = STYLE_NORMAL, [LOG_ERROR] = STYLE_BAD,    [LOG_WARNING] = STYLE_WARN,
        [LOG_CLIPPED] = STYLE_WARN,
    };
    if (pieces->at >= pieces->match && pieces->at < pieces->match_end)
        return pieces->look->hit ? STYLE_HIT : STYLE_MATCH;
    return pieces->at < pieces->line->prefix ? STYLE_DIM : styles[pieces->line->kind];
}

static attr_t attributes_of(const struct theme *theme, const struct pieces *pieces, short *ret_pair)
{
    const struct sgr_line *text = &pieces->line->text;
    const struct sgr_run *run = &text->runs[pieces->run];
    enum style style = style_of(pieces);
    *ret_pair = theme->pairs[style];
    if (style == STYLE_MATCH || style == STYLE_HIT || pieces->at < pieces->line->prefix)
        return theme->attributes[style];
    short pair;
    attr_t attributes = theme_sgr(theme, run, &pair);
    if (pair != 0)
        *ret_pair = pair;
    return attributes == A_NORMAL && pair == 0 ? theme->attributes[style] : attributes;
}

/* What stands left of the edge is left out; of a wide character on the edge
 * both halves are. */
static const char *skip_columns(const char *text, int *x)
{
    size_t skipped;
    text += text_fit(text, (size_t)-*x, &skipped);
    *x += (int)skipped;
    if (*x < 0 && *text != '\0') {
        text += text_fit(text, 2, &skipped);
        *x += (int)skipped;
    }
    return text;
}

void log_draw(const struct canvas *canvas, int y, const struct log_line *line, int from,
              const struct log_look *look)
{
    struct pieces pieces = {.line = line, .look = look};
    int x = -from;
    next_match(&pieces);
    while (pieces.at < line->text.text.len && x < canvas->cols) {
        size_t end = end_of_piece(&pieces);
        struct buf *piece = canvas->scratch;
        buf_clear(piece);
        buf_append(piece, line->text.text.data + pieces.at, end - pieces.at);
        buf_append(piece, "", 1);
        int width = (int)text_width(piece->data), at = x;
        const char *seen = x < 0 ? skip_columns(piece->data, &at) : piece->data;
        short pair;
        attr_t attributes = attributes_of(canvas->theme, &pieces, &pair);
        if (at >= 0 && *seen != '\0')
            canvas_attr(canvas, y, at, canvas->cols - at, attributes, pair, seen);
        x += width;
        pieces.at = end;
    }
}
