# frozen_string_literal: true

require "json"
require "net/http"
require "uri"

module Tasker
  # The orchestration's HTTP interface, as far as a worker needs it.
  class Orchestration
    class Error < StandardError; end

    def initialize(url, worker:)
      @url = URI(url)
      @worker = worker
    end

    # A task, or nil when there is nothing to do.
    def claim(queue)
      post("/queues/#{URI.encode_www_form_component(queue)}/claim", worker: @worker)
    end

    def complete(id, result)
      post("/tasks/#{id}/complete", worker: @worker, result: result)
    end

    def fail(id, error)
      post("/tasks/#{id}/fail", worker: @worker, error: error)
    end

    private

    def post(path, body)
      request = Net::HTTP::Post.new(path, "content-type" => "application/json")
      request.body = JSON.generate(body)
      answer = Net::HTTP.start(@url.host, @url.port, use_ssl: @url.scheme == "https", open_timeout: 3,
                                                     read_timeout: 20) { |http| http.request(request) }
      case answer
      when Net::HTTPNoContent then nil
      when Net::HTTPSuccess then JSON.parse(answer.body)
      else raise Error, "#{path}: #{answer.code} #{answer.body}"
      end
    rescue SystemCallError, SocketError, Timeout::Error, EOFError, JSON::ParserError => e
      raise Error, "#{path}: #{e.message}"
    end
  end
end
