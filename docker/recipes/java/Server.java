import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Its answer names the process's PID, and /slow takes two seconds, to show a graceful stop. */
class Server {
    public static void main(String[] arguments) throws Exception {
        var server = HttpServer.create(new InetSocketAddress(8000), 0);
        var threads = Executors.newFixedThreadPool(4);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            if (exchange.getRequestURI().getPath().equals("/slow")) {
                System.err.println("slow request begins");
                try {
                    Thread.sleep(2000);
                } catch (InterruptedException interrupted) {
                    throw new RuntimeException(interrupted);
                }
            }
            var body = ("worker " + ProcessHandle.current().pid() + "\n").getBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        // No new requests, and 8 seconds for the others, because Docker kills after 10. HttpServer.stop(8) would wait all
        // of this time if there is no request, or if a client has gone.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            threads.shutdown();
            try {
                threads.awaitTermination(8, TimeUnit.SECONDS);
            } catch (InterruptedException interrupted) {
                throw new RuntimeException(interrupted);
            }
        }));
        server.start();
    }
}
