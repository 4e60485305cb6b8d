using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Api;

/// <summary>The ingester's two paths for operators, as Tempo had them up to version 2: <c>/flush</c>, for one tenant or all, and <c>/shutdown</c>.</summary>
internal sealed partial class IngesterApi(IIngesterAdmin ingester, ILogger<IngesterApi> logger)
{
    public async Task FlushAsync(HttpContext context)
    {
        TenantId? tenant = null;
        if (context.Request.Query.TryGetValue("tenant", out var named))
        {
            if (!TenantId.TryParse(named[0], out var parsed, out var error))
            {
                await PlainText.WriteAsync(context.Response, StatusCodes.Status400BadRequest, error + "\n");
                return;
            }

            tenant = parsed;
        }

        context.Response.StatusCode = await ingester.FlushAsync(tenant, context.RequestAborted) ? StatusCodes.Status204NoContent : StatusCodes.Status404NotFound;
    }

    // Answered before it is done: whoever scales down polls for the process's end, and storing all there is may take minutes.
    public Task ShutdownAsync(HttpContext context)
    {
        _ = Task.Run(ShutdownAsync);
        return PlainText.WriteAsync(context.Response, "shutdown job acknowledged");
    }

    private async Task ShutdownAsync()
    {
        try
        {
            await ingester.ShutdownAsync(CancellationToken.None);
        }
        catch (Exception e)
        {
            LogShutdownFailed(e);
        }
    }

    [LoggerMessage(2401, LogLevel.Error, "The shutdown requested by /shutdown failed; the write-ahead log still has what is not yet in blocks")]
    private partial void LogShutdownFailed(Exception exception);
}
