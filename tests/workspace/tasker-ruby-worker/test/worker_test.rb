# frozen_string_literal: true

require "logger"
require "minitest/autorun"
require "tasker/service"

# Gives the tasks it was made with, and remembers what became of them.
class ScriptedOrchestration
  attr_reader :seen

  def initialize(*tasks)
    @tasks = tasks
    @seen = []
  end

  def claim(_queue)
    task = @tasks.shift
    raise task if task.is_a?(Exception)

    task
  end

  def complete(id, result) = @seen << [:done, id, result["count"]]
  def fail(id, error) = @seen << [:failed, id, error]
end

class WorkerTest < Minitest::Test
  def worker_with(*tasks)
    @orchestration = ScriptedOrchestration.new(*tasks)
    Tasker::Worker.new(@orchestration, queue: "ruby", log: Logger.new(IO::NULL))
  end

  def task(id, step, payload) = { "id" => id, "step" => step, "payload" => payload }

  def test_tasks_are_run_and_reported
    worker = worker_with(task(1, "summary", { "values" => [1, 2] }), task(2, "sing", {}))
    assert_equal [true, true, false], Array.new(3) { worker.step }
    assert_equal [[:done, 1, 2], [:failed, 2, 'no such step: "sing"']], @orchestration.seen
  end

  def test_a_stopped_worker_ends_also_when_nobody_answers
    worker = worker_with(Tasker::Orchestration::Error.new("away"))
    work = Thread.new { worker.run }
    worker.stop
    assert_same work, work.join(10)
  end

  def test_an_orchestration_that_is_away_is_an_error_of_its_own
    away = Tasker::Orchestration.new("http://127.0.0.1:1", worker: "w")
    assert_raises(Tasker::Orchestration::Error) { away.claim("ruby") }
  end

  def test_health_shows_what_rust_has_computed
    code, body = Tasker::Service.health
    assert_equal 200, code
    assert_equal Tasker::Native.run_step("fingerprint", { "probe" => "ruby-worker" }), body[:native][:fingerprint]
  end
end
