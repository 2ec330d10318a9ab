# frozen_string_literal: true

require "json"
require "logger"
require "net/http"
require "securerandom"
require "webrick"
require_relative "native"
require_relative "worker"

module Tasker
  # The worker as a service. No argument: it works, and answers GET /health. `health`: asks the one that runs on this
  # machine, so that an image can check itself without curl.
  module Service
    NAME = "ruby-worker"
    QUEUE = "ruby"
    DEFAULT_PORT = 8082
    DEFAULT_ORCHESTRATION = "http://orchestration:8080"

    def self.run(arguments, env = ENV)
      port = Integer(env.fetch("PORT", DEFAULT_PORT))
      case arguments
      when [], ["serve"] then serve(port, env.fetch("ORCHESTRATION_URL", DEFAULT_ORCHESTRATION))
      when ["health"] then ask(port)
      else
        warn "usage: tasker-ruby-worker [serve | health]"
        2
      end
    end

    # Whether the Rust library does its work is what this service's health is about: it is called each time.
    def self.health
      result = Native.run_step("fingerprint", { "probe" => NAME })
      [200, { status: "ok", service: NAME, native: { version: Native.version, fingerprint: result } }]
    rescue Native::Error => e
      [503, { status: "degraded", service: NAME, native: { version: Native.version, error: e.message } }]
    end

    def self.serve(port, orchestration_url)
      log = Logger.new($stdout, progname: NAME, level: :info)
      $stdout.sync = true
      worker = Worker.new(Orchestration.new(orchestration_url, worker: "#{QUEUE}-#{SecureRandom.uuid}"),
                          queue: QUEUE, log: log)
      server = server_on(port, log)
      %w[INT TERM].each { |signal| trap(signal) { server.shutdown } }
      work = Thread.new { worker.run }
      work.report_on_exception = true
      server.start
      worker.stop
      work.join
      0
    end

    def self.server_on(port, log)
      server = WEBrick::HTTPServer.new(Port: port, Logger: log, AccessLog: [])
      server.mount_proc("/health") do |_request, response|
        response.status, body = health
        response.content_type = "application/json"
        response.body = JSON.generate(body)
      end
      server
    end

    def self.ask(port)
      answer = Net::HTTP.start("127.0.0.1", port, open_timeout: 3, read_timeout: 3) { |http| http.get("/health") }
      puts answer.body
      answer.is_a?(Net::HTTPOK) ? 0 : 1
    rescue SystemCallError, Timeout::Error, EOFError => e
      warn "tasker-ruby-worker: nobody answers on port #{port}: #{e.message}"
      1
    end
    private_class_method :serve, :server_on, :ask
  end
end
