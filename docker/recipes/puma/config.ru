# Its answer names the worker's PID, and /slow takes two seconds, to show a graceful stop.
run lambda { |env|
  if env['PATH_INFO'] == '/slow'
    $stderr.puts 'slow request begins'
    sleep 2
  end
  [200, { 'Content-Type' => 'text/plain' }, ["worker #{Process.pid}\n"]]
}
