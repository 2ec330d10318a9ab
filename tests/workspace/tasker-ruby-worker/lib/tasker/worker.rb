# frozen_string_literal: true

require_relative "native"
require_relative "orchestration"

module Tasker
  # Takes one task after the other from a queue and runs its step, until it is stopped.
  class Worker
    PAUSE_WITHOUT_WORK = 0.5
    PAUSE_AFTER_FAULT = 5

    def initialize(orchestration, queue:, log:)
      @orchestration = orchestration
      @queue = queue
      @log = log
      @lock = Mutex.new
      @told = ConditionVariable.new
      @stopped = false
    end

    # The one that it has begun it finishes.
    def run
      wait(pause_after_step) until @stopped
    end

    def stop
      @lock.synchronize do
        @stopped = true
        @told.signal
      end
    end

    # Runs one task; says whether there was one.
    def step
      task = @orchestration.claim(@queue) or return false
      begin
        result = Native.run_step(task.fetch("step"), task.fetch("payload"))
      rescue Native::Error => e
        @log.warn("task #{task["id"]} failed: #{e.message}")
        @orchestration.fail(task.fetch("id"), e.message)
      else
        @orchestration.complete(task.fetch("id"), result)
      end
      true
    end

    private

    def wait(seconds)
      @lock.synchronize { @told.wait(@lock, seconds) unless @stopped || seconds.zero? }
    end

    def pause_after_step
      step ? 0 : PAUSE_WITHOUT_WORK
    rescue Orchestration::Error => e
      @log.warn("no task can be had now: #{e.message}")
      PAUSE_AFTER_FAULT
    end
  end
end
