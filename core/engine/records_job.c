#include "core/engine/records_job.h"

#include <stdbool.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "core/base/mem.h"

struct records_job {
    uv_work_t work;
    records_parser *parser;
    char *text;
    size_t len;
    struct records records;
    struct err err;
    int code;
    records_job_cb *on_done;
    void *arg;
    bool dropped;
};

static void on_work(uv_work_t *work)
{
    struct records_job *job = work->data;
    job->code = job->parser(job->text, job->len, &job->records, &job->err);
    free(job->text);
    job->text = NULL;
#ifdef __GLIBC__
    /* The tree was many times as large as what stays of it, and glibc keeps
     * freed memory: 1,000 records would hold 1.7 MB, 100,000 160 MB. */
    malloc_trim(0);
#endif
}

static void on_worked(uv_work_t *work, int status)
{
    struct records_job *job = work->data;
    (void)status; /* cancelled only when dropped */
    if (job->dropped)
        records_free(&job->records);
    else
        job->on_done(job->arg, job->code == 0 ? &job->records : NULL,
                     job->code == 0 ? NULL : &job->err);
    free(job->text);
    free(job);
}

struct records_job *records_job_start(uv_loop_t *loop, records_parser *parser, char *text,
                                      size_t len, records_job_cb *on_done, void *arg)
{
    struct records_job *job = mem_zalloc(sizeof *job);
    job->work.data = job;
    job->parser = parser;
    job->text = text;
    job->len = len;
    job->on_done = on_done;
    job->arg = arg;
    uv_queue_work(loop, &job->work, on_work, on_worked);
    return job;
}

void records_job_drop(struct records_job *job)
{
    if (job == NULL)
        return;
    job->dropped = true;
    uv_cancel((uv_req_t *)&job->work);
}
