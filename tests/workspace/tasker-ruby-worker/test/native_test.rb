# frozen_string_literal: true

require "minitest/autorun"
require "tasker/native"

class NativeTest < Minitest::Test
  def test_a_step_is_run_in_rust
    assert_equal({ "count" => 3, "min" => 1.0, "max" => 5.0, "mean" => 3.0, "median" => 3.0 },
                 Tasker::Native.run_step("summary", { "values" => [5, 1, 3] }))
  end

  def test_text_comes_through_whole
    one = Tasker::Native.run_step("fingerprint", { "a" => "grün\u0000", "b" => 1 })
    other = Tasker::Native.run_step("fingerprint", { "b" => 1, "a" => "grün\u0000" })
    assert_equal one, other
    refute_equal one, Tasker::Native.run_step("fingerprint", { "a" => "grün", "b" => 1 })
  end

  def test_a_refusal_is_an_exception
    {
      ["sing", {}] => 'no such step: "sing"',
      ["summary", { "values" => [] }] => "no values to sum up",
      ["a\0b", {}] => 'a NUL byte in "a\u0000b"'
    }.each do |(step, payload), message|
      error = assert_raises(Tasker::Native::Error) { Tasker::Native.run_step(step, payload) }
      assert_equal message, error.message
    end
  end

  def test_the_library_has_a_version
    assert_match(/\A\d+\.\d+\.\d+\z/, Tasker::Native.version)
  end
end
