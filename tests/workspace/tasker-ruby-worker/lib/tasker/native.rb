# frozen_string_literal: true

require "fiddle"
require "json"

module Tasker
  # The steps, which are written in Rust: the library behind native/, called through its C interface. That it can't be
  # loaded is known when this file is required, not when the first task comes.
  module Native
    class Error < StandardError; end

    PATH = ENV.fetch("TASKER_NATIVE_LIBRARY") { File.expand_path("../libtasker_native.so", __dir__) }
    LIBRARY = Fiddle.dlopen(PATH)

    def self.function(name, arguments, result)
      Fiddle::Function.new(LIBRARY[name], arguments, result)
    end
    private_class_method :function

    VERSION = function("tasker_native_version", [], Fiddle::TYPE_VOIDP)
    RUN_STEP = function("tasker_native_run_step", [Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP], Fiddle::TYPE_VOIDP)
    FREE = function("tasker_native_free", [Fiddle::TYPE_VOIDP], Fiddle::TYPE_VOID)
    private_constant :VERSION, :RUN_STEP, :FREE

    def self.version
      VERSION.call.to_s
    end

    # Runs a step on a payload of plain Ruby objects; gives its result, or raises Error with the step's own words.
    def self.run_step(name, payload)
      answer = RUN_STEP.call(text(name), text(JSON.generate(payload)))
      begin
        result = JSON.parse(answer.to_s.force_encoding(Encoding::UTF_8))
      ensure
        FREE.call(answer)
      end
      raise Error, result["error"] if result.key?("error")

      result.fetch("ok")
    end

    # C text ends at its first NUL byte, and would be cut there without a word.
    def self.text(string)
      raise Error, "a NUL byte in #{string.inspect}" if string.include?("\0")

      string
    end
    private_class_method :text
  end
end
