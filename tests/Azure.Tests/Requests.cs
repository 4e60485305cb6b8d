using Azure.Core.Pipeline;
using Azure.Storage.Blobs;

namespace OrleansTempo.Azure.Tests;

/// <summary>Counts the store's requests on their way, and can lose the next answer or answer in the service's place.</summary>
internal sealed class Requests : DelegatingHandler
{
    private int _answersToLose;

    public Requests()
        : base(new SocketsHttpHandler())
    {
    }

    public int Count { get; private set; }

    /// <summary>Answers in the place of the service; null to ask it.</summary>
    public Func<HttpResponseMessage>? Answer { get; set; }

    /// <summary>Carries the next request out, and lets its sender know nothing of it.</summary>
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
