using System.Collections.Concurrent;
using System.Net;
using System.Text;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Integration;

/// <summary>Remote write with <c>azuread</c>, in a process that has a managed identity as Azure's App Service gives one.</summary>
public sealed class AzureSignInTests
{
    [Fact]
    public async Task Requests_carry_the_token_of_the_managed_identity()
    {
        using var azure = new FakeAzure();
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "azure",
            RemoteWriteUrls = [azure.Url("write")],
            RemoteWrite = "azuread: { managed_identity: {} }",
            Environment = new Dictionary<string, string> { ["IDENTITY_ENDPOINT"] = azure.Url("identity").AbsoluteUri, ["IDENTITY_HEADER"] = "only for this process" },
        });
        Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));
        await Eventually.GetAsync(() => Task.FromResult(azure.Writes.Count), writes => writes >= 3, writes => $"{writes} requests:\n{silo.Log}");

        Assert.All(azure.Writes, authorization => Assert.Equal("Bearer the-token", authorization));
        var (query, header) = Assert.Single(azure.SignIns);
        Assert.Equal("only for this process", header);
        Assert.Contains("https://monitor.azure.com/", Uri.UnescapeDataString(query));
    }

    private sealed class FakeAzure : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly string _address = $"http://127.0.0.1:{FreePorts.Next()}/";

        public FakeAzure()
        {
            _listener.Prefixes.Add(_address);
            _listener.Start();
            _ = ServeAsync();
        }

        public ConcurrentQueue<(string Query, string? Header)> SignIns { get; } = [];

        public ConcurrentQueue<string?> Writes { get; } = [];

        public Uri Url(string path) => new(_address + path);

        public void Dispose() => _listener.Close();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                    await AnswerAsync(await _listener.GetContextAsync());
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private async Task AnswerAsync(HttpListenerContext context)
        {
            await context.Request.InputStream.CopyToAsync(Stream.Null);
            if (context.Request.Url!.AbsolutePath == "/identity")
            {
                SignIns.Enqueue((context.Request.Url.Query, context.Request.Headers["X-IDENTITY-HEADER"]));
                var expires = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds();
                context.Response.ContentType = "application/json";
                context.Response.OutputStream.Write(Encoding.UTF8.GetBytes($$"""{"access_token": "the-token", "token_type": "Bearer", "resource": "r", "expires_on": "{{expires}}"}"""));
            }
            else
            {
                Writes.Enqueue(context.Request.Headers["Authorization"]);
                context.Response.StatusCode = 204;
            }

            context.Response.Close();
        }
    }
}
