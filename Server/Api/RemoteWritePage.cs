using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Api;

/// <summary><c>/status/remote-write</c>: how each tenant's remote write is doing, as a table, or as JSON for whoever accepts that or asks with <c>?format=json</c>.</summary>
internal sealed class RemoteWritePage(IRemoteWriteOverview queues)
{
    private static readonly string[] Columns =
        ["tenant", "endpoint", "lag", "collections", "samples", "bytes in memory", "bytes in store", "lost samples", "failed attempts", "message", "last success", "last error at", "last error"];

    public async Task AnswerAsync(HttpContext context)
    {
        if (!WantsJson(context.Request))
        {
            await PlainText.WriteAsync(context.Response, Text());
            return;
        }

        context.Response.ContentType = "application/json";
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(Json());
    }

    public string Text()
    {
        var rows = new List<string[]> { Columns };
        rows.AddRange(Sorted().Select(static s => (string[])
        [
            s.Tenant.Value, s.RemoteName, $"{Number(Math.Round(s.Lag.TotalSeconds, 1))}s", Number(s.PendingCollections), Number(s.PendingSamples), Number(s.QueueBytes), Number(s.DiskBytes), Number(s.LostSamples),
            Number(s.FailedAttempts), Message(s), Time(s.LastSuccess) ?? "-", Time(s.LastErrorTime) ?? "-", s.LastError.Length > 0 ? s.LastError : "-",
        ]));
        var widths = Columns.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder("GET /status/remote-write\n");
        foreach (var row in rows)
            text.AppendJoin("  ", row.Select((cell, column) => column == Columns.Length - 1 ? cell : cell.PadRight(widths[column]))).Append('\n');
        return text.ToString();
    }

    private byte[] Json() => JsonSerializer.SerializeToUtf8Bytes(Sorted().Select(static s => new Dictionary<string, object?>
    {
        ["tenant"] = s.Tenant.Value,
        ["endpoint"] = s.RemoteName,
        ["url"] = s.Url,
        ["protobufMessage"] = Message(s),
        ["lagSeconds"] = s.Lag.TotalSeconds,
        ["pendingCollections"] = s.PendingCollections,
        ["pendingSamples"] = s.PendingSamples,
        ["queueBytes"] = s.QueueBytes,
        ["diskBytes"] = s.DiskBytes,
        ["lostSamples"] = s.LostSamples,
        ["failedAttempts"] = s.FailedAttempts,
        ["lastSuccess"] = Time(s.LastSuccess),
        ["lastError"] = s.LastError,
        ["lastErrorTime"] = Time(s.LastErrorTime),
    }));

    private static bool WantsJson(HttpRequest request) =>
        request.Query["format"] == "json" || request.Headers.Accept.Any(static accept => accept?.Contains("application/json", StringComparison.OrdinalIgnoreCase) == true);

    private IEnumerable<RemoteWriteStatus> Sorted() =>
        queues.Status().OrderBy(static s => s.Tenant.Value, StringComparer.Ordinal).ThenBy(static s => s.RemoteName, StringComparer.Ordinal);

    private static string Message(RemoteWriteStatus status) =>
        status.Protocol == RemoteWriteProtocol.V2 ? RemoteWriteOptions.MessageV2 : RemoteWriteOptions.MessageV1;

    private static string Number(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);

    private static string? Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
