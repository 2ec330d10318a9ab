/* Parses the engine's list of records on the thread pool: 100,000 records
 * take 0.3 s and 184 MiB, which the loop must not wait for. */
#ifndef BILGE_ENGINE_RECORDS_JOB_H
#define BILGE_ENGINE_RECORDS_JOB_H

#include <uv.h>

#include "core/base/err.h"
#include "core/engine/record.h"

struct records_job;

/* Once, unless it was dropped. Either gives the content of `records` or says
 * why not. The job is gone afterwards. */
typedef void records_job_cb(void *arg, struct records *records, const struct err *err);

typedef int records_parser(const char *text, size_t len, struct records *ret_records,
                           struct err *err);

/* Takes `text` (from buf_take()). No callback before it returns. */
struct records_job *records_job_start(uv_loop_t *loop, records_parser *parser, char *text,
                                      size_t len, records_job_cb *on_done, void *arg);
/* No callback any more; the memory goes when the thread is through. NULL is fine. */
void records_job_drop(struct records_job *job);

#endif
