using Azure.Storage.Blobs;
using OrleansTempo.Core.Configuration.Storage;

namespace OrleansTempo.Azure.Tests;

/// <summary>One Azurite for the tests of a class; each test uses a container of its own.</summary>
public sealed class AzuriteFixture : IAsyncLifetime
{
    private AzuriteProcess? _process;

    internal AzuriteProcess Process => _process ?? throw new InvalidOperationException("there is no Azurite here: mark the test with [AzuriteFact]");

    public async Task InitializeAsync()
    {
        if (AzuriteProcess.Missing is null)
            _process = await AzuriteProcess.StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
    }

    /// <summary>The settings of a container that no other test uses and that does not exist yet.</summary>
    internal AzureStorageOptions NewContainer(string prefix = "") => Process.Options($"test-{Guid.NewGuid():N}", prefix);

    /// <summary>The container through the SDK, for what the store does not show.</summary>
    internal static BlobContainerClient Look(AzureStorageOptions options) => new(options.ConnectionString, options.ContainerName);
}
