# A version of the gallery, in a temporary group of the release's own name.
variable "release_build" {}
variable "release_group" {}
variable "release_tags" { type = map(string) }
variable "release_image_name" {}
variable "release_image_group" {}
variable "release_gallery" {}
variable "release_definition" {}
variable "release_location" {}
variable "release_base_version" {}
variable "release_ssh_port" {}
variable "client_id" {}
variable "client_secret" { sensitive = true }
variable "tenant_id" {}
variable "subscription_id" {}

source "azure-arm" "tiny" {
  client_id                         = var.client_id
  client_secret                     = var.client_secret
  tenant_id                         = var.tenant_id
  subscription_id                   = var.subscription_id
  location                          = var.release_location
  temp_resource_group_name          = var.release_group
  azure_tags                        = var.release_tags
  os_type                           = "Linux"
  image_publisher                   = "Debian"
  image_offer                       = "debian-12"
  image_sku                         = "12-gen2"
  image_version                     = var.release_base_version
  ssh_username                      = "packer"
  ssh_port                          = var.release_ssh_port
  managed_image_resource_group_name = var.release_image_group
  managed_image_name                = var.release_image_name
  shared_image_gallery_destination {
    resource_group      = var.release_image_group
    gallery_name        = var.release_gallery
    image_name          = var.release_definition
    image_version       = var.release_build
    replication_regions = [var.release_location]
  }
}

build {
  sources = ["source.azure-arm.tiny"]
  provisioner "shell" {
    inline = ["mkdir -p /tmp/tiny"]
  }
  provisioner "file" {
    source      = "${path.root}/"
    destination = "/tmp/tiny"
  }
  provisioner "shell" {
    execute_command  = "chmod +x '{{ .Path }}'; {{ .Vars }} sudo -E sh -eu '{{ .Path }}'"
    environment_vars = ["RELEASE_BUILD=${var.release_build}"]
    script           = "${path.root}/provision.sh"
  }
  provisioner "shell" {
    inline = ["sudo waagent -force -deprovision+user && export HISTSIZE=0 && sync"]
  }
}
