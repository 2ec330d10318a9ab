-- One row is one piece of work. A worker holds a task by its lease: while the
-- task runs, run_after is when the lease ends, and from then on anybody may
-- claim it again. A worker that dies loses nothing but time.
CREATE TABLE tasks (
    id          uuid        PRIMARY KEY,
    queue       text        NOT NULL CHECK (queue <> ''),
    step        text        NOT NULL CHECK (step <> ''),
    payload     jsonb       NOT NULL,
    state       text        NOT NULL DEFAULT 'pending'
                            CHECK (state IN ('pending', 'running', 'done', 'failed')),
    attempts    integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    worker      text,
    result      jsonb,
    error       text,
    run_after   timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tasks_claimable ON tasks (queue, run_after) WHERE state IN ('pending', 'running');
