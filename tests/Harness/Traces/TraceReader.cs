using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Query;

namespace OrleansTempo.Harness.Traces;

/// <summary>Asks a process for traces by their IDs, as Grafana does.</summary>
internal sealed class TraceReader(Uri api) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = api, Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>v2 in protobuf; a response without a trace's spans where there is no such trace.</summary>
    public async Task<TraceByIDResponse> FindAsync(ByteString traceId, string? tenant = null)
    {
        using var response = await GetAsync($"/api/v2/traces/{Hex(traceId)}", "application/protobuf", tenant);
        var body = await response.Content.ReadAsByteArrayAsync();
        return response.StatusCode == HttpStatusCode.OK
            ? TraceByIDResponse.Parser.ParseFrom(body)
            : throw new HttpRequestException($"trace {Hex(traceId)} was answered with {(int)response.StatusCode}: {Encoding.UTF8.GetString(body)}");
    }

    /// <summary>The status that v1 answers with.</summary>
    public async Task<HttpStatusCode> StatusAsync(ByteString traceId, string? tenant = null)
    {
        using var response = await GetAsync($"/api/traces/{Hex(traceId)}", null, tenant);
        return response.StatusCode;
    }

    /// <summary>Status and text of any path.</summary>
    public async Task<(HttpStatusCode Status, string Text)> TextAsync(string pathAndQuery, string? tenant = null)
    {
        using var response = await GetAsync(pathAndQuery, null, tenant);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async Task<JsonNode> JsonAsync(string pathAndQuery)
    {
        using var response = await GetAsync(pathAndQuery, "application/json", null);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        return JsonNode.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync())!;
    }

    public async Task<byte[]> ProtobufAsync(string pathAndQuery)
    {
        using var response = await GetAsync(pathAndQuery, "application/protobuf", null);
        Assert.Equal("application/protobuf", response.Content.Headers.ContentType?.MediaType);
        return await response.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync();
    }

    public static string Hex(ByteString traceId) => Convert.ToHexStringLower(traceId.Span);

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> GetAsync(string pathAndQuery, string? accept, string? tenant)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, pathAndQuery);
        if (accept is not null)
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
        if (tenant is not null)
            request.Headers.Add("X-Scope-OrgID", tenant);
        return await _http.SendAsync(request);
    }
}
