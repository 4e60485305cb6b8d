using OrleansTempo.Core.Configuration.Storage;

namespace OrleansTempo.Azure.Tests;

public sealed class ContainerClientTests
{
    private const string Key = "c2VjcmV0";

    private static readonly AzureStorageOptions Good = new() { ContainerName = "traces", StorageAccountName = "acme", StorageAccountKey = Key };

    public static TheoryData<AzureStorageOptions, string> Wrong => new()
    {
        { Good with { ContainerName = "" }, "storage.trace.azure.container_name: is missing" },
        { Good with { StorageAccountName = "" }, "storage.trace.azure.storage_account_name: is missing; set it, or set connection_string" },
        { Good with { StorageAccountKey = "not-base64!" }, "storage.trace.azure.storage_account_key: is not base64" },
        { Good with { StorageAccountKey = "" }, "storage.trace.azure: has no way to sign in; set exactly one of connection_string," },
        { Good with { UseManagedIdentity = true }, "storage.trace.azure: has storage_account_key and use_managed_identity; set exactly one of" },
        { Good with { StorageAccountKey = "", UseManagedIdentity = true, UseFederatedToken = true }, "storage.trace.azure: has use_managed_identity and use_federated_token;" },
        { Good with { ConnectionString = $"AccountName=acme;AccountKey={Key}" }, "storage.trace.azure: has connection_string and storage_account_key;" },
        { Good with { StorageAccountKey = "", UseManagedIdentity = true, EndpointSuffix = "127.0.0.1:10000" }, "storage.trace.azure.endpoint_suffix: '127.0.0.1:10000' is reached without TLS" },
        { Good with { EndpointSuffix = "blob core" }, "storage.trace.azure.endpoint_suffix: 'blob core' after the account 'acme' does not make an address" },
        { Good with { EndpointSuffix = "blob.core.windows.net/x" }, "storage.trace.azure.endpoint_suffix: 'blob.core.windows.net/x'" },
        { Good with { StorageAccountKey = "", StorageAccountName = "beta", ConnectionString = $"AccountName=acme;AccountKey={Key};DefaultEndpointsProtocol=https" }, "storage.trace.azure.storage_account_name: 'beta' differs from the connection string's account 'acme'" },
        { new() { ContainerName = "traces", ConnectionString = $"AccountKey={Key}" }, "storage.trace.azure.connection_string: is not the connection string" },
        { new() { ContainerName = "traces", ConnectionString = Key }, "storage.trace.azure.connection_string: is not the connection string" },
        { Good with { Prefix = "a b" }, "storage.trace.azure.prefix: 'a b' is not a path" },
        { Good with { Prefix = "a/../b" }, "storage.trace.azure.prefix: 'a/../b' is not a path" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task An_invalid_setting_is_an_error_that_names_its_key_and_shows_no_secret(AzureStorageOptions options, string message)
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => AzureBlobObjectStore.OpenAsync(options));

        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("not-base64!", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("blob.core.windows.net", "https://acme.blob.core.windows.net/traces")]
    [InlineData("blob.core.chinacloudapi.cn", "https://acme.blob.core.chinacloudapi.cn/traces")]
    [InlineData("z12.blob.storage.azure.net", "https://acme.z12.blob.storage.azure.net/traces")]
    [InlineData("azurite:10000", "http://azurite:10000/acme/traces")]
    public void The_address_is_the_accounts_host_or_its_path_in_an_emulator(string suffix, string address)
    {
        var client = ContainerClient.Create(Good with { EndpointSuffix = suffix }, adjust: null);

        Assert.Equal(address, client.Uri.ToString());
    }

    [Fact]
    public void A_managed_identity_and_a_federated_token_need_no_key()
    {
        var keyless = Good with { StorageAccountKey = "" };

        Assert.Equal("acme", ContainerClient.Create(keyless with { UseManagedIdentity = true }, adjust: null).AccountName);
        Assert.Equal("acme", ContainerClient.Create(keyless with { UseManagedIdentity = true, UserAssignedId = "6f9619ff-8b86-d011-b42d-00c04fc964ff" }, adjust: null).AccountName);
        Assert.Equal("acme", ContainerClient.Create(keyless with { UseFederatedToken = true }, adjust: null).AccountName);
    }

    [Fact]
    public async Task A_missing_token_is_an_error_that_names_the_settings()
    {
        var options = Good with { StorageAccountKey = "", UseFederatedToken = true };

        // Outside Kubernetes no token is in the environment, and nobody is asked.
        var error = await Assert.ThrowsAsync<IOException>(() => AzureBlobObjectStore.OpenAsync(options));

        Assert.StartsWith("opening container 'traces' of acme.blob.core.windows.net failed: cannot get a token (", error.Message, StringComparison.Ordinal);
        Assert.Contains("user_assigned_id, use_federated_token", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_settings_as_text_show_no_secret() => Assert.Equal("AzureStorageOptions", Good.ToString());
}
