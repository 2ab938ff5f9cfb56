<?php
// The answer names the worker's PID, and /slow takes two seconds, to show a graceful stop.
if ($_SERVER['SCRIPT_NAME'] === '/slow') {
    file_put_contents('php://stderr', "slow request begins\n");
    sleep(2);
}
header('Content-Type: text/plain');
echo 'worker ', getmypid(), "\n";
