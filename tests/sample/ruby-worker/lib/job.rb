module Job
end
