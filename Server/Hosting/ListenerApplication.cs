using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Server.Hosting;

/// <summary>
/// Passes each request from Kestrel straight to its listener's handler. There is no middleware pipeline, no routing and no request log in
/// between: for requests of ten spans, those would cost more than the spans.
/// </summary>
internal sealed partial class ListenerApplication(TempoMetrics metrics, TimeProvider time, ILogger<ListenerApplication> logger) : IHttpApplication<ListenerContext>
{
    public ListenerContext CreateContext(IFeatureCollection contextFeatures)
    {
        ListenerContext context;
        if (contextFeatures is IHostContextContainer<ListenerContext> container)
        {
            context = container.HostContext ??= new();
        }
        else
        {
            context = new();
        }

        context.Http.Initialize(contextFeatures);
        context.Listener ??= contextFeatures.GetRequiredFeature<IListenerFeature>();
        return context;
    }

    public async Task ProcessRequestAsync(ListenerContext context)
    {
        var started = time.GetTimestamp();

        // Read first, because the handler may change the path.
        var route = context.Listener!.RouteOf(context.Http.Request);
        int? status = null;
        try
        {
            await context.Listener.Handler(context.Http);
        }
        catch (Exception e) when (StatusOfBroken(e) is not null)
        {
            status = StatusOfBroken(e);
            AnswerBroken(context.Http, status!.Value);
        }
        catch (Exception e) when (e is ConnectionResetException or ConnectionAbortedException || e.InnerException is ConnectionAbortedException || (e is OperationCanceledException or IOException && context.Http.RequestAborted.IsCancellationRequested))
        {
            // The client has gone, or was cut off at shutdown: there is no one to answer, and nothing is wrong here. Kestrel must not try
            // to read the rest of the body, because it would log that as an error.
            status = RequestLabels.ClientGone;
            context.Http.Abort();
            if (context.Http.Features.GetRequiredFeature<CancelledRequests>().Count())
                LogGivenUp(context.Http.Connection.RemoteIpAddress, CancelledRequests.MaxPerSecond);
        }
        catch (Exception e)
        {
            LogUnhandled(e, context.Http.Request.Method, context.Http.Request.Path.Value);
            status = e is OutOfMemoryException ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status500InternalServerError;
            await AnswerFailureAsync(context, e);
        }
        finally
        {
            var takesCalls = context.Listener.TakesCalls;
            metrics.RecordRequest(
                takesCalls ? TempoMetrics.CallMethod : RequestLabels.Method(context.Http.Request.Method),
                route,
                RequestLabels.Status(status ?? (takesCalls ? RequestLabels.StatusOfCall(context.Http) : context.Http.Response.StatusCode)),
                time.GetElapsedTime(started));
        }
    }

    public void DisposeContext(ListenerContext context, Exception? exception) => context.Http.Uninitialize();

    // The status for a request whose framing is broken, or whose body comes too slowly; null for other failures. If the size of a chunk
    // overflows, Kestrel throws an OverflowException inside an IOException.
    private static int? StatusOfBroken(Exception exception) => exception switch
    {
        BadHttpRequestException broken => broken.StatusCode,
        IOException { InnerException: OverflowException } => StatusCodes.Status400BadRequest,
        _ => null,
    };

    // Kestrel would give the same answer, but log an error with it, so that any client could fill the log.
    private static void AnswerBroken(HttpContext context, int status)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        context.Response.Clear();
        context.Response.StatusCode = status;
        if (!HttpProtocol.IsHttp2(context.Request.Protocol))
            context.Response.Headers.Connection = "close";
    }

    private static Task AnswerFailureAsync(ListenerContext context, Exception exception)
    {
        if (context.Http.Response.HasStarted)
        {
            context.Http.Abort();
            return Task.CompletedTask;
        }

        context.Http.Response.Clear();
        return context.Listener!.FailureHandler(context.Http, exception);
    }

    [LoggerMessage(2004, LogLevel.Warning, "Closed the connection of a client at {Address}: it cancelled more than {Count} requests within a second before they were answered")]
    private partial void LogGivenUp(IPAddress? address, int count);

    [LoggerMessage(2005, LogLevel.Error, "Request {Method} {Path} failed")]
    private partial void LogUnhandled(Exception exception, string method, string? path);
}
