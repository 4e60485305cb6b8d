using Azure.Core.Pipeline;
using Azure.Storage.Blobs;

namespace OrleansTempo.Azure.Tests;

/// <summary>Counts the store's requests, and can lose the next answer or answer instead of the service.</summary>
internal sealed class Requests : DelegatingHandler
{
    private int _answersToLose;

    public Requests()
        : base(new SocketsHttpHandler())
    {
    }

    public int Count { get; private set; }

    /// <summary>Answers instead of the service; null to call it.</summary>
    public Func<HttpResponseMessage>? Answer { get; set; }

    /// <summary>Executes the next request, but loses its answer.</summary>
    public void LoseNextAnswer() => _answersToLose = 1;

    public void Carry(BlobClientOptions options)
    {
        options.Transport = new HttpClientTransport(new HttpClient(this));
        options.Retry.Delay = TimeSpan.FromMilliseconds(1);
        options.Retry.MaxDelay = TimeSpan.FromMilliseconds(1);
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Count++;
        if (Answer is { } answer)
            return answer();
        var response = await base.SendAsync(request, cancellationToken);
        if (_answersToLose == 0)
            return response;
        _answersToLose--;
        response.Dispose();
        throw new HttpRequestException("the connection was reset");
    }
}
