#pragma warning disable CS9113
using System.Net;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Server.Hosting;

namespace OrleansTempo.Server.Api;

internal sealed class HttpApi(TempoServerOptions options, TempoServerParts parts, ServerState state, Func<IReadOnlyDictionary<string, EndPoint>> addresses) : IDisposable
{
    public Task HandleAsync(HttpContext context) => PlainText.WriteAsync(context.Response, 404, "not found\n");
    public void Dispose() {}
}
